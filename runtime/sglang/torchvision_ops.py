"""Copied into a CPU environment as ``sitecustomize.py``: torchvision's CUDA build next to torch for CPU.

torchvision can't load its compiled operators there and then fails to find two of them. They are never
called; their declarations are enough. No file of SGLang, torch or torchvision is changed.
"""

import importlib
import importlib.abc
import sys
from typing import Any


class _DeclareBeforeTorchvision(importlib.abc.MetaPathFinder):
    def find_spec(self, fullname: str, path: Any, target: Any = None) -> None:
        if fullname != "torchvision":
            return
        sys.meta_path.remove(self)
        torch = importlib.import_module("torch")  # of SGLang's environment
        for operator in ("nms", "qnms"):
            torch.library.define(
                f"torchvision::{operator}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
            )


sys.meta_path.insert(0, _DeclareBeforeTorchvision())

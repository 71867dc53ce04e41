"""The child's side of a supervised process: its request, its word that it is ready, its end.

The parent's side is base.child. One JSON line on stdin is the request; one JSON line on the first stdout
says that the child is ready. Stdin then stays open for as long as the parent wants the child to live.

Another interpreter runs this as a file: it attaches and calls ``main(parent)`` of the file that it is
given. Therefore nothing but the standard library is imported here.
"""

import ctypes
import importlib.util
import json
import os
import signal
import sys
import threading
from collections.abc import Mapping
from typing import Any, Final

_PR_SET_PDEATHSIG: Final = 1
_GRACE_S: Final = 60.0


class Parent:
    """The process that started this one. ``request`` is what it asked for."""

    def __init__(self, request: Mapping[str, Any], answers: int) -> None:
        self.request = request
        self._answers = answers

    def ready(self, **facts: Any) -> None:
        """Say, once, that the child serves; ``facts`` are JSON values (a port, a version)."""
        with os.fdopen(self._answers, "wb") as answers:
            answers.write(json.dumps(facts).encode() + b"\n")


def attach() -> Parent:
    """Tie this process to its parent; call it first in a child's main.

    What the child or its libraries print from now on goes to stderr, which the parent logs. When the
    parent closes stdin the child gets SIGTERM; the parent kills it when that takes too long, and without
    a parent it ends by itself a minute later.
    """
    _die_with_parent()
    answers = os.dup(1)
    os.dup2(2, 1)
    line = sys.stdin.buffer.readline()
    if not line:
        sys.exit("This program is started by batchin itself.")
    threading.Thread(target=_end_at_eof, name="parent", daemon=True).start()
    return Parent(json.loads(line), answers)


def _die_with_parent() -> None:
    """Linux: SIGKILL when the parent dies, even from kill -9. Elsewhere end of file on stdin must do."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _end_at_eof() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(_GRACE_S)
    os._exit(1)


def _run(path: str) -> None:
    """Not by runpy: what a temporary module defined does not outlive it."""
    spec = importlib.util.spec_from_file_location("child", path)
    if spec is None or spec.loader is None:
        sys.exit(f"{path} is no Python file.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.main(attach())


if __name__ == "__main__":
    _run(sys.argv[1])

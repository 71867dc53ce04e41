"""How SGLang is launched: the flags that we set, those that an operator adds, and what runs them."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from base.child import Program
from base.settings import SettingsError
from runtime.engine import Modality
from runtime.sglang.environment import Build

_OURS: Final = frozenset(
    (
        "--admin-api-key",
        "--api-key",
        "--config",
        "--host",
        "--is-embedding",
        "--model",
        "--model-path",
        "--port",
        "--served-model-name",
        "--tokenizer-worker-num",
    )
)
_ALWAYS: Final = (
    "--enable-metrics",
    "--enable-cache-report",
    "--enable-priority-scheduling",
    *("--tokenizer-worker-num", "1"),
)
_CPU: Final = (
    *("--device", "cpu", "--attention-backend", "torch_native", "--model-impl", "transformers"),
    *("--disable-cuda-graph", "--skip-server-warmup"),
)
_CPU_TOKENS: Final = ("--max-total-tokens", "8192")  # without it the cache fills the memory
_STOP_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class LaunchPlan:
    """One server to launch.

    ``model`` is a folder or a hub id, ``served_as`` the id that callers use and ``kind`` what it does;
    ``args`` are further flags of SGLang, ``threads`` those of the CPU build; ``start_s`` is the longest
    that it may take until it serves, ``silence_s`` that it may then say nothing at all; the keys are new
    for each plan and known to nobody else.
    """

    python: Path
    build: Build
    model: str
    served_as: str
    kind: Modality
    args: tuple[str, ...] = ()
    max_queued: int = 256
    threads: int = 1
    start_s: float = 600.0
    silence_s: float = 60.0
    key: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)
    admin_key: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)

    @property
    def fills_in(self) -> bool:
        """Whether ``suffix`` is honoured."""
        return any(argument.partition("=")[0] == "--completion-template" for argument in self.args)

    def program(self) -> Program:
        """The child process. Raises SettingsError for a flag that is not the operator's to set."""
        return Program(
            name=f"SGLang ({self.served_as})",
            module="runtime.sglang.launch",
            request={"arguments": self._arguments(), "key": self.key, "admin_key": self.admin_key},
            env=self._environment(),
            ready_s=self.start_s,
            stop_s=_STOP_S,
            interpreter=self.python,
            secrets=(self.key, self.admin_key),
        )

    def _arguments(self) -> list[str]:
        for argument in self.args:
            if argument.partition("=")[0] in _OURS:
                raise SettingsError(f"sglang_args: {argument} is set by batchin itself")
        return [
            *("--model-path", self.model, "--served-model-name", self.served_as),
            *("--max-queued-requests", str(self.max_queued)),
            *_ALWAYS,
            *(() if self.kind is Modality.CHAT else ("--is-embedding",)),
            *(_cpu_flags(self.args) if self.build == "cpu" else ()),
            *self.args,
        ]

    def _environment(self) -> dict[str, str]:
        local = {"HF_HUB_OFFLINE": "1"} if Path(self.model).is_dir() else {}
        return local if self.build == "gpu" else {**local, "OMP_NUM_THREADS": str(self.threads)}


def _cpu_flags(args: Sequence[str]) -> Sequence[str]:
    """An operator's own bound of the cache wins."""
    return _CPU if _CPU_TOKENS[0] in args else (*_CPU, *_CPU_TOKENS)

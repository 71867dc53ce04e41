"""Installs SGLang into its environment, through pip: ``batchin engines install sglang``.

Every package is pinned by its hash. ``gpu.lock`` is what ``sglang`` of that version resolves to on Linux
on x86-64; ``cpu.lock`` leaves out what only GPUs need and takes PyTorch's own build for CPUs.
"""

import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runtime.sglang.environment import Build, Environment, base_python, environment

_HERE: Final = Path(__file__).parent
_CPU_HOOK: Final = _HERE / "torchvision_ops.py"
_CPU_INDEX: Final = "https://download.pytorch.org/whl/cpu"
_PIP: Final = ("-I", "-m", "pip", "install", "--no-input", "--no-cache-dir", "--compile")
_QUIET: Final = ("--disable-pip-version-check", "--retries", "2", "--progress-bar", "off")
_BEGUN: Final = ("Collecting ", "Processing ")
_UNPACKING: Final = "Installing collected packages"
_ABSENT: Final = "No matching distribution found for torch"
_TAIL: Final = 15
_POLL_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Stage:
    """How far an installation is: ``done`` of ``total`` packages are ``what``."""

    what: str
    done: int
    total: int


Report = Callable[[Stage], None]
"""Gets the progress, from the thread that installs, several times a second."""


class InstallFailed(Exception):
    """SGLang could not be installed; the message says why and what to do."""


def install(cache: Path, build: Build, report: Report) -> Environment:
    """Bring the environment to what this version names. Blocking: call it in a thread.

    Nothing is done when it is there already; one that was not finished is made anew. Of two processes
    that install, one waits for the other. Raises InstallFailed.
    """
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise InstallFailed(
            "SGLang is installed on Linux on x86-64 only. Elsewhere install it by hand and name its "
            "Python with sglang_python."
        )
    target = environment(cache, build)
    digest = _digest(build)
    try:
        target.folder.parent.mkdir(parents=True, exist_ok=True)
        with _locked(target.folder.with_name(f"{target.folder.name}.lock")):
            if target.state().get("digest") != digest or not target.installed():
                _make(target, digest, report)
    except (OSError, subprocess.CalledProcessError) as error:
        raise InstallFailed(f"SGLang can't be installed in {target.folder}: {error}") from error
    return target


def _pins(build: Build) -> Path:
    return _HERE / f"{build}.lock"


def _digest(build: Build) -> str:
    parts = [build, *_PIP, sys.version.split()[0], _pins(build).read_text(), _CPU_HOOK.read_text()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _make(target: Environment, digest: str, report: Report) -> None:
    shutil.rmtree(target.folder, ignore_errors=True)
    subprocess.run([base_python(), "-I", "-m", "venv", target.folder], check=True)
    target.log.unlink(missing_ok=True)
    _fill(target, report)
    if target.build == "cpu":
        shutil.copyfile(_CPU_HOOK, _packages(target) / "sitecustomize.py")
    state = {
        "sglang": target.version,
        "build": target.build,
        "python": sys.version.split()[0],
        "digest": digest,
    }
    target.state_file.write_text(json.dumps(state))


def _fill(target: Environment, report: Report) -> None:
    """pip's own configuration may have PyTorch's builds for CPUs; else they are PyTorch's to give."""
    pins = ("--require-hashes", "--requirement", str(_pins(target.build)))
    if target.build == "gpu":
        failed = _pip(target, pins, report)
    else:
        failed = _pip(target, ("--no-deps", *pins), report)
        if any(_ABSENT in line for line in failed):
            failed = _pip(target, ("--no-deps", "--extra-index-url", _CPU_INDEX, *pins), report)
    if failed:
        raise InstallFailed(_sentence(target, failed))


def _pip(target: Environment, arguments: Sequence[str], report: Report) -> Sequence[str]:
    """The last lines of a pip that failed, nothing of one that did not. Downloads go where TMPDIR says,
    so an interrupted run leaves nothing behind."""
    watch = _Watch(_packages(target), _pins(target.build))
    with tempfile.TemporaryDirectory(prefix=".pip-", dir=target.folder) as scratch, _said(target) as log:
        process = subprocess.Popen(
            [target.python, *_PIP, *_QUIET, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "TMPDIR": scratch},
        )
        try:
            with target.log.open(errors="replace") as lines:
                lines.seek(0, os.SEEK_END)
                while process.poll() is None:
                    watch.read(lines)
                    report(watch.stage())
                    time.sleep(_POLL_S)
                watch.read(lines)
        finally:
            process.kill()
            process.wait()
    return list(watch.tail) or ["pip failed"] if process.returncode else []


class _Watch:
    """Follows what pip says, and what it unpacked."""

    def __init__(self, packages: Path, pins: Path) -> None:
        self.tail: deque[str] = deque(maxlen=_TAIL)
        self._packages = packages
        self._total = sum(1 for line in pins.read_text().splitlines() if "==" in line)
        self._before = self._unpacked()
        self._fetched = 0
        self._unpacking = False

    def read(self, lines: Iterator[str]) -> None:
        for line in lines:
            self.tail.append(line.rstrip())
            self._fetched += line.startswith(_BEGUN)
            self._unpacking = self._unpacking or line.startswith(_UNPACKING)

    def stage(self) -> Stage:
        if self._unpacking:
            return Stage("unpacked", min(self._unpacked() - self._before, self._total), self._total)
        return Stage("fetched", min(self._fetched, self._total), self._total)

    def _unpacked(self) -> int:
        return sum(1 for _ in self._packages.glob("*.dist-info"))


def _packages(target: Environment) -> Path:
    return next((target.folder / "lib").glob("python3.*")) / "site-packages"


@contextmanager
def _said(target: Environment) -> Iterator[int]:
    """Where pip writes."""
    with target.log.open("ab") as log:
        yield log.fileno()


def _sentence(target: Environment, tail: Sequence[str]) -> str:
    reason = next((line for line in tail if line.startswith("ERROR:")), tail[-1])
    return (
        f"SGLang could not be installed: {reason.removeprefix('ERROR: ')}. "
        f"What pip said is in {target.log}. Run the same command again when the cause is gone."
    )


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        yield

"""Installs SGLang into its environment, through pip: ``batchin engines install sglang``."""

import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runtime.sglang.environment import Build, Environment, base_python, environment

_TORCH: Final = "2.13.0"
_CPU_LOCK: Final = Path(__file__).with_name("cpu.lock")
_CPU_HOOK: Final = Path(__file__).with_name("torchvision_ops.py")
_PIP: Final = ("-I", "-m", "pip", "install", "--no-input", "--no-cache-dir")
_QUIET: Final = ("--disable-pip-version-check", "--retries", "2", "--progress-bar", "off")
_TAIL: Final = 15

Report = Callable[[str], None]
"""Gets a line of progress, from the thread that installs."""


class InstallFailed(Exception):
    """SGLang could not be installed; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class _Step:
    """One call of pip: what it is for, and what it installs."""

    title: str
    arguments: tuple[str, ...]


def install(cache: Path, build: Build, report: Report) -> Environment:
    """Bring the environment to what this version names. Blocking: call it in a thread.

    Nothing is done when it is there already; one that was not finished is made anew. Of two processes
    that install, one waits for the other. Raises InstallFailed.
    """
    target = environment(cache, build)
    steps = _steps(target)
    digest = _digest(steps)
    try:
        target.folder.parent.mkdir(parents=True, exist_ok=True)
        with _locked(target.folder.with_name(f"{target.folder.name}.lock")):
            if target.state().get("digest") != digest or not target.installed():
                _make(target, steps, digest, report)
    except OSError as error:
        raise InstallFailed(f"SGLang can't be installed in {target.folder}: {error}") from error
    return target


def _steps(target: Environment) -> tuple[_Step, ...]:
    if target.build == "gpu":
        return (_Step("SGLang and what it needs", (f"sglang=={target.version}",)),)
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise InstallFailed("SGLang for CPUs is known to work on Linux on x86-64 only.")
    return (
        _Step("torch", (f"torch=={_TORCH}",)),
        _Step("SGLang", ("--no-deps", "--require-hashes", "--requirement", str(_CPU_LOCK))),
    )


def _digest(steps: Sequence[_Step]) -> str:
    parts = [argument for step in steps for argument in step.arguments if argument != str(_CPU_LOCK)]
    parts += [sys.version.split()[0], _CPU_LOCK.read_text(), _CPU_HOOK.read_text()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _make(target: Environment, steps: Sequence[_Step], digest: str, report: Report) -> None:
    report(f"new environment in {target.folder}")
    shutil.rmtree(target.folder, ignore_errors=True)
    subprocess.run([base_python(), "-I", "-m", "venv", target.folder], check=True)
    with target.log.open("w") as log:
        for step in steps:
            _pip(target, step, log.write, report)
    if target.build == "cpu":
        site = next((target.folder / "lib").glob("python3.*")) / "site-packages"
        shutil.copyfile(_CPU_HOOK, site / "sitecustomize.py")
    state = {
        "sglang": target.version,
        "build": target.build,
        "python": sys.version.split()[0],
        "digest": digest,
    }
    target.state_file.write_text(json.dumps(state))


def _pip(target: Environment, step: _Step, write: Callable[[str], object], report: Report) -> None:
    """Downloads go where TMPDIR says, so an interrupted run leaves nothing behind."""
    tail: deque[str] = deque(maxlen=_TAIL)
    with tempfile.TemporaryDirectory(prefix=".pip-", dir=target.folder) as scratch:
        process = subprocess.Popen(
            [target.python, *_PIP, *_QUIET, *step.arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**os.environ, "TMPDIR": scratch},
        )
        collected = 0
        try:
            for line in process.stdout or ():
                write(line)
                tail.append(line.rstrip())
                collected += line.startswith("Collecting ")
                report(f"{step.title}: {_progress(line, collected)}")
        finally:
            process.kill()
            process.wait()
    if process.returncode:
        raise InstallFailed(_sentence(step, target, tail))


def _progress(line: str, collected: int) -> str:
    if line.startswith("Installing collected packages"):
        return f"unpacking {line.count(',') + 1} packages"
    return f"{collected} packages fetched"


def _sentence(step: _Step, target: Environment, tail: Sequence[str]) -> str:
    reason = next(
        (line for line in tail if line.startswith("ERROR:")), tail[-1] if tail else "pip failed"
    )
    return (
        f"{step.title} could not be installed: {reason.removeprefix('ERROR: ')}. "
        f"What pip said is in {target.log}. Run the same command again when the cause is gone."
    )


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        yield

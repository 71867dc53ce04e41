"""Child processes of ours: started apart, ready when they say so, and never outliving us.

A child is a module of this application that calls ``base.parent.attach()`` first. It runs with ``-P`` in
a neutral folder (nothing of the working directory is importable), in its own session (Ctrl-C at the
terminal is ours to handle), without our ``BATCHIN_*`` variables (they may hold secrets).

A child of another interpreter is a file of this application that imports nothing of it: base.parent,
which needs the standard library alone, runs there, attaches, and calls the file's ``main(parent)``.
"""

import asyncio
import contextlib
import importlib.util
import json
import logging
import os
import signal
import sys
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

_LAST_LINES: Final = 12
_LINE_MAX: Final = 4096
_HELD_MAX: Final = 1_048_576  # of a line without an end; a secret in it is still whole
_log = logging.getLogger("batchin.child")


class ChildFailed(Exception):
    """A child did not start; the message names it, how it ended and the last it wrote."""


@dataclass(frozen=True, slots=True)
class Program:
    """What to run. ``request`` (JSON values) reaches the child on stdin, so secrets belong there and not
    in arguments or ``env``, which adds to our environment; ``secrets`` are kept out of the log where the
    child prints them itself. ``interpreter`` is another Python that runs the module's file. ``ready_s``
    and ``stop_s`` are the longest it may take to start and to end."""

    name: str
    module: str
    request: Mapping[str, Any] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    ready_s: float = 30.0
    stop_s: float = 5.0
    interpreter: Path | None = None
    secrets: tuple[str, ...] = field(default=(), repr=False)


class Child:
    """A running child. ``facts`` is what it said when it became ready."""

    def __init__(self, program: Program, process: asyncio.subprocess.Process) -> None:
        self.facts: Mapping[str, Any] = {}
        self._program = program
        self._process = process
        self._tail: deque[str] = deque(maxlen=_LAST_LINES)
        self._logging = asyncio.create_task(self._log_stderr())

    @property
    def name(self) -> str:
        """What it runs, as messages call it."""
        return self._program.name

    @property
    def pid(self) -> int:
        return self._process.pid

    async def ended(self) -> int:
        """Wait for its end; returns the exit status (minus the signal that killed it)."""
        status = await self._process.wait()
        await asyncio.wait((self._logging,), timeout=1)
        return status

    def kill(self) -> None:
        """SIGKILL to it and to all that it started, while it runs."""
        if self._process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    async def stop(self) -> None:
        """Ask it to end (end of file on stdin), and kill what is left after ``stop_s``."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(self._program.stop_s):
                await self._process.wait()
        except TimeoutError:
            _log.warning("%s did not end in %s s", self._program.name, self._program.stop_s)
        finally:
            self.kill()
            await self.ended()
            self._logging.cancel()

    def last_words(self) -> str:
        """The last lines that it wrote to stderr."""
        return "\n".join(self._tail)

    async def _greet(self) -> None:
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise ChildFailed(f"{self._program.name} has no pipes.")
        stdin.write(json.dumps(dict(self._program.request)).encode() + b"\n")
        with contextlib.suppress(ConnectionError):
            await stdin.drain()
        line = await stdout.readline()
        if not line.endswith(b"\n"):
            status = await self.ended()
            raise ChildFailed(
                f"{self._program.name} ended with status {status} before it was ready."
                f"\n{self.last_words()}".rstrip()
            )
        try:
            self.facts = json.loads(line)
        except ValueError:
            raise ChildFailed(f"{self._program.name} did not say that it is ready.") from None

    async def _log_stderr(self) -> None:
        stderr = self._process.stderr
        if stderr is None:
            return
        rest = b""
        while chunk := await stderr.read(65536):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._note(line)
            if len(rest) > _HELD_MAX:
                self._note(rest)
                rest = b""
        if rest:
            self._note(rest)

    def _note(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace")
        for secret in self._program.secrets:
            text = text.replace(secret, "***")
        text = text[:_LINE_MAX].rstrip()
        if text:
            self._tail.append(text)
            _log.debug("%s: %s", self._program.name, text)


async def start(program: Program) -> Child:
    """Start a child and wait until it is ready. Raises ChildFailed."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("BATCHIN_")}
    process = await asyncio.create_subprocess_exec(
        *_command(program),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd="/",
        env={**environment, **program.env},
        start_new_session=True,
    )
    child = Child(program, process)
    try:
        async with asyncio.timeout(program.ready_s):
            await child._greet()  # noqa: SLF001 - the other half of this function
    except TimeoutError:
        await _discard(child)
        raise ChildFailed(
            f"{program.name} was not ready in {program.ready_s:g} s.\n{child.last_words()}".rstrip()
        ) from None
    except BaseException:
        await _discard(child)
        raise
    return child


def _command(program: Program) -> tuple[str, ...]:
    if program.interpreter is None:
        return (sys.executable, "-P", "-m", program.module)
    return (str(program.interpreter), "-P", _file_of("base.parent"), _file_of(program.module))


def _file_of(module: str) -> str:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise ChildFailed(f"There is no module {module}.")
    return spec.origin


async def _discard(child: Child) -> None:
    child.kill()
    await asyncio.shield(child.ended())

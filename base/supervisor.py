"""Keeps one child running: restarts it with growing pauses, and tells whether it is up."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from base.child import Child, ChildFailed, Program, start

_log = logging.getLogger("batchin.child")


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses before restarts: ``first_s``, doubled each time up to ``most_s``, and ``first_s`` again
    once a child has lived for ``forgiven_s``."""

    first_s: float = 0.1
    most_s: float = 15.0
    forgiven_s: float = 30.0


class Supervisor:
    """``async with Supervisor(program) as supervisor``: entering returns when the child is ready.

    Entering raises ChildFailed when the first start fails; later failures are retried for ever.
    ``on_change`` is called with the new child, or with None when it ended.
    """

    def __init__(
        self,
        program: Program,
        backoff: Backoff = Backoff(),
        on_change: Callable[[Child | None], None] = lambda child: None,
    ) -> None:
        self._program = program
        self._backoff = backoff
        self._on_change = on_change
        self._child: Child | None = None
        self._up = asyncio.Event()
        self._restarts = 0

    @property
    def child(self) -> Child | None:
        """The child that is up now; None while it is being restarted."""
        return self._child

    @property
    def restarts(self) -> int:
        """How often the child was started again."""
        return self._restarts

    async def up(self) -> Child:
        """Wait until the child is up."""
        while self._child is None:
            await self._up.wait()
        return self._child

    async def __aenter__(self) -> Self:
        self._set(await start(self._program))
        self._keeping = asyncio.create_task(self._keep())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._keeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._keeping
        child = self._child
        self._set(None)
        if child is not None:
            await child.stop()

    async def _keep(self) -> None:
        clock = asyncio.get_running_loop().time
        pause_s = self._backoff.first_s
        child, since = self._child, clock()
        while True:
            if child is not None:
                status = await child.ended()
                self._set(None)
                _log.warning("%s ended with status %s", self._program.name, status)
                if clock() - since >= self._backoff.forgiven_s:
                    pause_s = self._backoff.first_s
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, self._backoff.most_s)
            self._restarts += 1
            child, since = await self._start_again(), clock()

    async def _start_again(self) -> Child | None:
        try:
            child = await start(self._program)
        except (ChildFailed, OSError) as error:
            _log.error("%s", error)
            return None
        _log.info("%s is up again", self._program.name)
        self._set(child)
        return child

    def _set(self, child: Child | None) -> None:
        self._child = child
        if child is None:
            self._up.clear()
        else:
            self._up.set()
        self._on_change(child)

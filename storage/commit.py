"""One submitted commit and the futures of those who asked about it."""

import asyncio
from collections.abc import Callable
from enum import Enum, auto
from typing import Any

from storage.errors import StorageUnavailable
from storage.op import Op


class Stage(Enum):
    """How far a commit is."""

    QUEUED = auto()
    FOLDED = auto()
    DURABLE = auto()
    FAILED = auto()


class Commit:
    """A Ticket. Futures are made when they are asked for, so nobody's error is never logged as lost."""

    __slots__ = ("_durable", "_error", "_visible", "_want", "ops", "stage", "value", "wanted")

    def __init__(self, ops: tuple[Op, ...], want: "Callable[[], None]") -> None:
        self.ops = ops
        self.stage = Stage.QUEUED
        self.value: Any = None
        self.wanted = False
        self._want = want
        self._error: StorageUnavailable | None = None
        self._visible: asyncio.Future[Any] | None = None
        self._durable: asyncio.Future[Any] | None = None

    @property
    def visible(self) -> asyncio.Future[Any]:
        if self._visible is None:
            self._visible = self._future(self.stage in (Stage.FOLDED, Stage.DURABLE))
        return self._visible

    @property
    def durable(self) -> asyncio.Future[Any]:
        if self._durable is None:
            self._durable = self._future(self.stage is Stage.DURABLE)
            if not self.done:
                self.wanted = True
                self._want()
        return self._durable

    @property
    def done(self) -> bool:
        """Whether it is durable or failed."""
        return self.stage in (Stage.DURABLE, Stage.FAILED)

    def may_become(self, value: Any) -> bool:
        """Whether a second fold may give this value: nobody was told another one."""
        return self._visible is None or value == self.value

    def folded(self, value: Any) -> None:
        self.stage = Stage.FOLDED
        self.value = value
        if self._visible is not None:
            _resolve(self._visible, value)

    def settled(self) -> None:
        self.stage = Stage.DURABLE
        if self._durable is not None:
            _resolve(self._durable, self.value)

    def failed(self, message: str) -> None:
        if self.done:
            return
        self.stage = Stage.FAILED
        self._error = StorageUnavailable(message)
        for future in (self._visible, self._durable):
            if future is not None and not future.done():
                _reject(future, message)

    def _future(self, resolved: bool) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self._error is not None:
            _reject(future, self._error.message)
        elif resolved:
            future.set_result(self.value)
        return future


def _resolve(future: asyncio.Future[Any], value: Any) -> None:
    if not future.done():
        future.set_result(value)


def _reject(future: asyncio.Future[Any], message: str) -> None:
    """Each future has its own error (a shared one gathers tracebacks), and none is logged as lost."""
    future.set_exception(StorageUnavailable(message))
    future.exception()

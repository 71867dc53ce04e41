"""A call that an engine runs as another one, and whose events are told as those of the call itself."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType

from runtime.engine import EngineCall, Event

RunOne = Callable[[EngineCall], AbstractAsyncContextManager[AsyncIterator[Event]]]


class Retold(ABC):
    """Runs ``call`` by ``run_one``; ``told`` changes its events."""

    def __init__(self, call: EngineCall, run_one: RunOne) -> None:
        self._run = run_one(call)

    async def __aenter__(self) -> AsyncIterator[Event]:
        self._events = self.told(await self._run.__aenter__())
        return self._events

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._run.__aexit__(kind, error, traceback)
        await self._events.aclose()

    @abstractmethod
    def told(self, events: AsyncIterator[Event]) -> AsyncGenerator[Event, None]:
        """The events of the call, from those of what ran."""

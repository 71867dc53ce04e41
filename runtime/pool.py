"""The engines of this server: who serves a call, how many run at once, who waits."""

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import TracebackType
from typing import Final, Protocol, Self

from base.clock import Clock
from base.errors import EngineNotConfigured, EngineOverloaded, ServiceUnavailable
from runtime.engine import Engine, EngineCall, EngineHealth, EngineState, Event, Modality

_WEIGHT: Final = 0.1  # of the newest call in the moving average of durations
_RETRY_MAX_S: Final = 60


class ManagedEngine(Engine, Protocol):
    """An engine with a life: entering starts it, leaving stops it."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def health(self) -> EngineHealth: ...


class Engines:
    """Starts and stops the engines, and gives out places on them.

    On each engine ``max_running`` calls run at once and ``max_queued`` wait; the next is refused.
    """

    def __init__(
        self, engines: Sequence[ManagedEngine], max_running: int, max_queued: int, clock: Clock
    ) -> None:
        self._engines = tuple(engines)
        self._lines = tuple(_Line(engine, max_running, max_queued, clock) for engine in engines)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """All start at once. Raises what the first of them raises that can't start; none is left."""
        async with AsyncExitStack() as stack:
            starts = [stack.enter_async_context(engine) for engine in self._engines]
            results = await asyncio.gather(*starts, return_exceptions=True)
            for result in results:
                if isinstance(result, BaseException):
                    raise result
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stack.__aexit__(kind, error, traceback)

    def serves(self, modality: Modality) -> bool:
        """Whether an engine for this is up now."""
        return any(
            modality in engine.modalities and engine.state is EngineState.READY
            for engine in self._engines
        )

    def reserve(self, modality: Modality, model: str, deadline_s: float) -> "Place":
        """A place for one call, before anything is paid. ``deadline_s`` is a monotonic clock's time.

        Raises EngineNotConfigured, ServiceUnavailable when the engine is down, and EngineOverloaded
        when the queue is full or so long that the call's turn would come after its deadline.
        """
        lines = [line for line in self._lines if line.serves(modality, model)]
        if not lines:
            raise EngineNotConfigured(f"This server has no {modality} engine.")
        ready = [line for line in lines if line.engine.state is EngineState.READY]
        if not ready:
            raise ServiceUnavailable("The engine is starting or being restarted.", retry_after_s=1)
        return min(ready, key=lambda line: line.taken).reserve(deadline_s)

    def health(self) -> list[EngineHealth]:
        return [engine.health() for engine in self._engines]


class _Line:
    """Those who hold a place on one engine, in the order in which they run."""

    def __init__(self, engine: Engine, max_running: int, max_queued: int, clock: Clock) -> None:
        self.engine = engine
        self.clock = clock
        self.taken = 0
        self.turns = asyncio.Semaphore(max_running)
        self._max_running = max_running
        self._most = max_running + max_queued
        self._mean_s = 0.0

    def serves(self, modality: Modality, model: str) -> bool:
        return modality in self.engine.modalities and model in self.engine.models

    def reserve(self, deadline_s: float) -> "Place":
        wait_s = self._wait_s()
        if self.taken >= self._most:
            raise EngineOverloaded("The engine's queue is full.", retry_after_s=_retry_after_s(wait_s))
        if wait_s and self.clock.monotonic_s() + wait_s > deadline_s:
            raise EngineOverloaded(
                "The engine's queue is longer than the time that this call has.",
                retry_after_s=_retry_after_s(wait_s),
            )
        self.taken += 1
        return Place(self)

    def left(self, ran_s: float | None) -> None:
        """A place is free again, after it was used for so long."""
        self.taken -= 1
        if ran_s is not None:
            self._mean_s += (_WEIGHT if self._mean_s else 1.0) * (ran_s - self._mean_s)

    def _wait_s(self) -> float:
        """The expected wait of one more: whole rounds of the calls before it."""
        rounds = max(0, self.taken - self._max_running + 1) / self._max_running
        return rounds * self._mean_s


class Place:
    """A call's place on an engine, from admission to the end of its run."""

    def __init__(self, line: _Line) -> None:
        self._line = line
        self._released = False
        self._turn_at_s: float | None = None

    def run(self, call: EngineCall) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        """Entering waits for this place's turn and starts the call."""
        return _Turn(self, call)

    def release(self) -> None:
        """Give the place to the next one; only the first time counts."""
        if self._released:
            return
        self._released = True
        if self._turn_at_s is None:
            self._line.left(None)
            return
        self._line.turns.release()
        self._line.left(self._line.clock.monotonic_s() - self._turn_at_s)

    async def turn(self) -> Engine:
        """Wait for the turn."""
        await self._line.turns.acquire()
        if self._released:
            self._line.turns.release()
            raise ServiceUnavailable("The call gave its place back.")
        self._turn_at_s = self._line.clock.monotonic_s()
        return self._line.engine


class _Turn:
    """Waits for a place's turn, then is the engine's run."""

    def __init__(self, place: Place, call: EngineCall) -> None:
        self._place = place
        self._call = call
        self._run: AbstractAsyncContextManager[AsyncIterator[Event]] | None = None

    async def __aenter__(self) -> AsyncIterator[Event]:
        engine = await self._place.turn()
        run = engine.run(self._call)
        events = await run.__aenter__()
        self._run = run
        return events

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._run is not None:
            await self._run.__aexit__(kind, error, traceback)


def _retry_after_s(wait_s: float) -> int:
    return max(1, min(_RETRY_MAX_S, math.ceil(wait_s)))

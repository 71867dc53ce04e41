"""One run on an engine: place, first answer, events, faults as documented errors."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

from base.errors import (
    BatchinError,
    ContextLengthExceeded,
    EngineError,
    EngineOverloaded,
    InternalError,
    InvalidRequest,
    ServiceUnavailable,
)
from runtime.engine import EngineCall, Event, Fault, Started
from runtime.pool import Engines, Place
from settlement.rail import Served

_FAULTS: dict[str, tuple[type[BatchinError], str]] = {
    "invalid": (InvalidRequest, "The engine refused a parameter of this request."),
    "context": (
        ContextLengthExceeded,
        "The input and the asked output exceed the model's context.",
    ),
    "overloaded": (EngineOverloaded, "The engine's queue is full."),
    "unavailable": (EngineError, "The engine went away while it worked on this call."),
    "stalled": (EngineError, "The engine stopped answering."),
    "truncated": (EngineError, "The engine's answer ended before it was complete."),
}


class EngineRun:
    """Holds a place on an engine from ``reserve`` to ``close``; leaving early aborts the engine."""

    def __init__(self, engines: Engines, call: EngineCall, deadline_s: float) -> None:
        self._engines = engines
        self._call = call
        self._deadline_s = deadline_s
        self._place: Place | None = None
        self._events: AsyncIterator[Event] | None = None
        self._stack = AsyncExitStack()

    def reserve(self) -> None:
        self._place = self._engines.reserve(self._call.modality, self._call.model, self._deadline_s)
        self._stack.callback(self._place.release)

    async def start(self) -> Served:
        """Wait for the engine's first event; faults before it become proper statuses."""
        if self._place is None:
            raise InternalError("start() needs reserve() first")
        self._events = await self._stack.enter_async_context(self._place.run(self._call))
        first = await anext(self._events, None)
        if isinstance(first, Fault):
            raise error_of(first)
        if not isinstance(first, Started):
            raise EngineError("The engine did not answer.")
        return Served(first.model, first.revision, first.engine, first.engine_version)

    async def events(self) -> AsyncIterator[Event]:
        """The events after the first one; raises the documented error of a fault."""
        if self._events is None:
            raise InternalError("events() needs start() first")
        async for event in self._events:
            if isinstance(event, Fault):
                raise error_of(event)
            yield event

    async def close(self) -> None:
        await self._stack.aclose()


def error_of(fault: Fault) -> BatchinError:
    """The public error of an engine fault. Upstream messages never reach a caller: they leak paths."""
    kind, sentence = _FAULTS.get(fault.kind, (EngineError, "The engine failed."))
    if kind is EngineOverloaded or issubclass(kind, ServiceUnavailable):
        return kind(sentence, retry_after_s=1)
    return kind(sentence)

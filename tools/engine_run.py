"""One run on an engine: place, first answer, events, faults as documented errors."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from base.errors import (
    BatchinError,
    ContextLengthExceeded,
    EngineError,
    EngineOverloaded,
    InternalError,
    InvalidRequest,
    ServiceUnavailable,
)
from base.usage import Usage
from runtime.engine import Delta, EngineCall, Event, Fault, Modality, Started
from runtime.pool import Engines
from runtime.routing.dispatch import Dispatch
from runtime.sound import Segment, SoundPart
from settlement.rail import Delivery, Served
from tools.core import Call, Ran
from tools.records.calls import engine_span_id

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
_AWAY: Final = "The engine is starting, being restarted or failing."


class EngineRun:
    """Holds a place on an engine from ``reserve`` to ``close``; leaving early aborts the engine.

    When its engine fails, a call of which nothing was shown runs anew on another replica: one that is
    delivered WHOLE up to its end, a stream up to its first text or sound. ``events`` then yields a
    ``Started`` again, after which all that came before is to be forgotten.
    """

    def __init__(
        self,
        engines: Engines,
        call: EngineCall,
        deadline_s: float,
        delivery: Delivery = Delivery.STREAM,
    ) -> None:
        self._engines = engines
        self._call = call
        self._deadline_s = deadline_s
        self._delivery = delivery
        self._dispatch: Dispatch | None = None
        self._served: Served | None = None

    @property
    def usage(self) -> Usage | None:
        """The latest that the engine told; after ``close`` it covers what a cut run generated too."""
        return self._call.meter.usage

    @property
    def ran(self) -> Ran | None:
        """Where the call runs and the energy it took so far; None before ``start``."""
        if self._served is None or self._dispatch is None:
            return None
        return Ran(self._served, self._dispatch.energy)

    def reserve(self) -> None:
        self._dispatch = self._engines.dispatch(self._call, self._deadline_s)

    async def start(self) -> Served:
        """Wait for the engine's first event; faults before it become proper statuses."""
        return self._begun(await self._dispatched().start())

    async def events(self) -> AsyncIterator[Event]:
        """The events after the first one; raises the documented error of a fault."""
        dispatch = self._dispatched()
        streamed, shown = self._delivery is Delivery.STREAM, False
        while True:
            fault = None
            async for event in dispatch.events:
                if isinstance(event, Fault):
                    fault = event
                    break
                if streamed and not shown:
                    shown = _shows(event)
                yield event
            if fault is None:
                return
            dispatch.failed(fault)
            if shown:
                raise _broken(error_of(fault))
            first = await dispatch.again(fault)
            self._begun(first)
            yield first

    async def close(self) -> None:
        if self._dispatch is not None:
            await self._dispatch.close()

    def _dispatched(self) -> Dispatch:
        if self._dispatch is None:
            raise InternalError("a run needs reserve() first")
        return self._dispatch

    def _begun(self, first: Event) -> Served:
        if isinstance(first, Fault):
            raise error_of(first)
        if not isinstance(first, Started):
            raise EngineError("The engine did not answer.")
        self._served = Served(first.model, first.revision, first.engine, first.engine_version)
        return self._served


def engine_run(
    engines: Engines, call: Call, modality: Modality, model: str, body: Mapping[str, Any]
) -> EngineRun:
    """The run of a call of the core, in its caller's lane and region. ``model`` is the engine's id."""
    caller = call.caller
    tenant = caller.account_id or call.run_id
    asked = EngineCall(
        rid=call.run_id,
        modality=modality,
        model=model,
        body=body,
        tenant=tenant,
        lane=caller.lane,
        region=caller.region,
        trace=lambda: call.trace.below(engine_span_id(call.run_id)),
    )
    return EngineRun(engines, asked, call.deadline_s, call.delivery)


def _shows(event: Event) -> bool:
    return (isinstance(event, Delta) and event.says) or isinstance(event, SoundPart | Segment)


def _broken(error: BatchinError) -> BatchinError:
    """A stream that began well was no bad request and found no full queue: its engine failed."""
    return error if isinstance(error, EngineError) else EngineError("The engine failed.")


def error_of(fault: Fault) -> BatchinError:
    """The public error of an engine fault. Upstream messages never reach a caller: they leak paths."""
    if fault.kind == "unavailable" and fault.status == ServiceUnavailable.status:
        return ServiceUnavailable(_AWAY, retry_after_s=1)
    kind, sentence = _FAULTS.get(fault.kind, (EngineError, "The engine failed."))
    if kind is EngineOverloaded or issubclass(kind, ServiceUnavailable):
        return kind(sentence, retry_after_s=1)
    return kind(sentence)

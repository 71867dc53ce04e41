"""A local engine whose model runs in a child process of its own, from the first call on."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

from base.usage import Usage
from runtime.engine import (
    EngineCall,
    EngineHealth,
    EngineState,
    Event,
    Fault,
    Load,
    Metered,
    Modality,
    Started,
)
from runtime.local.frames import Frame
from runtime.local.lazy_child import ChildDown, ChildStalled, LazyChild
from runtime.picture import Picture
from runtime.sound import Segment, Sound, SoundPart, Transcript, Word

_DOWN: Final = Fault("unavailable", retryable=True, status=503, detail="the child is not up")
_DIED: Final = Fault("unavailable", retryable=True, status=502, detail="the child went away")
_STALLED: Final = Fault("stalled", retryable=True, status=504, detail="the child said nothing")
_ABORTED: Final = Fault("unavailable", retryable=True, status=503, detail="aborted")
_STATUS: Final = {"invalid": 400}


@dataclass(frozen=True, slots=True)
class Trade:
    """What tells one engine of this kind from another. ``asked`` makes a call the child's question."""

    id: str
    modality: Modality
    model: str
    asked: Callable[[EngineCall], Frame]


class ChildEngine:
    """Hands calls to the child, as many at once as come: the child puts them in turn."""

    def __init__(self, trade: Trade, child: LazyChild, limit: int) -> None:
        self._trade = trade
        self._child = child
        self._limit = limit
        self._running: dict[str, asyncio.Event] = {}
        self._started = False

    @property
    def id(self) -> str:
        return self._trade.id

    @property
    def modalities(self) -> frozenset[Modality]:
        return frozenset({self._trade.modality})

    @property
    def models(self) -> frozenset[str]:
        return frozenset({self._trade.model})

    @property
    def state(self) -> EngineState:
        """Ready also while nothing is loaded: the first call loads it."""
        if not self._started:
            return EngineState.STOPPED
        return EngineState.DOWN if self._child.broken else EngineState.READY

    @property
    def pid(self) -> int | None:
        """The child's process id while it is up."""
        return self._child.pid

    def run(self, call: EngineCall) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        return aclosing(self._events(call))

    async def abort(self, rid: str) -> None:
        if aborted := self._running.get(rid):
            aborted.set()

    async def load(self) -> Load:
        return Load(len(self._running), 0, self._limit)

    async def ready(self) -> bool:
        return self.state is EngineState.READY

    def health(self) -> EngineHealth:
        detail = {"loaded": self._child.facts is not None}
        return EngineHealth(self.id, self.state, (self._trade.model,), self._child.restarts, detail)

    async def __aenter__(self) -> Self:
        self._started = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._started = False
        await self._child.stop()

    async def _events(self, call: EngineCall) -> AsyncGenerator[Event, None]:
        if not self._started:
            yield _DOWN
            return
        aborted = self._running[call.rid] = asyncio.Event()
        begun = False
        try:
            async with aclosing(self._child.ask(*self._trade.asked(call))) as frames:
                async for head, payload in frames:
                    if aborted.is_set():
                        yield _ABORTED
                        return
                    event = self._event(head, payload)
                    if isinstance(event, Metered):
                        call.meter.usage = event.usage
                    if event is not None:
                        begun = True
                        yield event
        except ChildDown:
            yield _DIED if begun else _DOWN
        except ChildStalled:
            yield _STALLED
        finally:
            self._running.pop(call.rid, None)

    def _event(self, head: Mapping[str, Any], payload: bytes) -> Event | None:
        match head["event"]:
            case "started":
                return self._served()
            case "part" if payload:
                return SoundPart(payload, head["media_type"], head["audio_ms"], head["characters"])
            case "sound" if payload:
                return Sound(payload, head["media_type"], head["audio_ms"])
            case "segment":
                return _segment(json.loads(payload))
            case "transcript":
                return _transcript(json.loads(payload))
            case "picture":
                return Picture(payload, **head["picture"])
            case "metered":
                return Metered(Usage(**head["usage"]))
            case "fault":
                return _fault(head)
            case _:
                return None

    def _served(self) -> Started:
        facts = self._child.facts or {}
        return Started(
            self._trade.model,
            str(facts.get("revision", "")),
            str(facts.get("engine", "")),
            str(facts.get("engine_version", "")),
        )


def _fault(head: Mapping[str, Any]) -> Fault:
    kind = str(head["kind"])
    return Fault(
        kind, retryable=False, status=_STATUS.get(kind, 500), detail=str(head.get("detail", ""))
    )


def _transcript(told: Mapping[str, Any]) -> Transcript:
    segments = tuple(_segment(segment) for segment in told["segments"])
    return Transcript(told["text"], told["language"], told["duration_ms"], segments)


def _segment(told: Mapping[str, Any]) -> Segment:
    tokens, words = tuple(told["tokens"]), tuple(Word(**word) for word in told["words"])
    return Segment(**{**told, "tokens": tokens, "words": words})

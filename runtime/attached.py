"""An engine that somebody else runs: attached by URL, asked each second whether it serves."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Final, Self

from runtime.discovery import MODELS_PATH, facts_of, listed
from runtime.engine import (
    EngineCall,
    EngineHealth,
    EngineState,
    Event,
    Load,
    Modality,
    Started,
)
from runtime.flavours import Flavour
from runtime.http.message import Limits
from runtime.local.sound_meter import SoundMeter
from runtime.openai_http import OpenAiHttp
from runtime.served import capabilities, run_for

_PROBE_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Attachment:
    """Where an engine is, what we call it, and what it serves: modality by engine model id. ``named``:
    its operator named these models, so its own list of them does not count. ``meter`` measures the sound
    that is sent to it; it ends with the engine."""

    name: str
    url: str
    flavour: Flavour
    models: Mapping[str, Modality]
    limits: Limits
    running_max: int
    api_key: str | None = field(default=None, repr=False)
    admin_key: str | None = field(default=None, repr=False)
    named: bool = False
    meter: SoundMeter | None = None


class Attached:
    """Runs calls on the attached engine; it may come and go."""

    def __init__(self, attachment: Attachment) -> None:
        self._at = attachment
        self._modalities = capabilities(attachment.models.values())
        self._models = frozenset(attachment.models)
        self._state = EngineState.STARTING
        self._returns = 0
        self._serve(attachment.models)
        self._version = ""
        self._revision = ""
        self._http = OpenAiHttp(
            attachment.url,
            attachment.flavour,
            self._served,
            attachment.limits,
            attachment.api_key,
            attachment.admin_key,
        )

    @property
    def id(self) -> str:
        return self._at.name

    @property
    def modalities(self) -> frozenset[Modality]:
        return self._modalities

    @property
    def models(self) -> frozenset[str]:
        return self._models

    @property
    def state(self) -> EngineState:
        return self._state

    def run(self, call: EngineCall) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        return run_for(self._at.models.get(call.model), call, self._http.run)

    async def abort(self, rid: str) -> None:
        await self._http.abort(rid)

    async def load(self) -> Load:
        """What it tells, within a second, else what is known of our own calls."""
        told = await self._told_load() if self._state is EngineState.READY else None
        known = told or Load(self._http.running, 0, self._at.running_max)
        return replace(known, silent_s=self._http.silent_s)

    async def ready(self) -> bool:
        return await self._http.ready()

    def health(self) -> EngineHealth:
        """``restarts`` counts how often it came back."""
        return EngineHealth(self.id, self._state, tuple(sorted(self._models)), self._returns)

    async def __aenter__(self) -> Self:
        """Does not wait for an engine that is not up: it is asked again and again."""
        await self._look()
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._state = EngineState.STOPPED
        self._watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._watching
        await self._http.aclose()
        if self._at.meter is not None:
            await self._at.meter.stop()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_PROBE_S)
            await self._look()

    async def _look(self) -> None:
        try:
            async with asyncio.timeout(5 * _PROBE_S):
                up = await self._http.ready()
                if up and self._state is not EngineState.READY:
                    await self._introduce()
        except TimeoutError:
            up = False
        if up and self._state is EngineState.DOWN:
            self._returns += 1
        self._state = EngineState.READY if up else EngineState.DOWN

    async def _told_load(self) -> Load | None:
        path = self._at.flavour.load_path
        if path is None:
            return None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PROBE_S):
                body = await self._http.get(path)
                return None if body is None else self._at.flavour.told_load(body)
        return None

    async def _introduce(self) -> None:
        """What evidence will say about this engine, as far as it tells; and which of our models it has
        today: a server that was away may come back with others."""
        facts = await facts_of(self._http, self._at.flavour)
        if not self._at.named:
            there = listed(await self._http.get(MODELS_PATH))
            ours = {name: kind for name, kind in self._at.models.items() if name in there}
            self._serve(ours or self._at.models)
        self._version = str(facts.get("version") or "")
        self._revision = str(facts.get("weight_version") or "")

    def _serve(self, models: Mapping[str, Modality]) -> None:
        self._models = frozenset(models)
        self._modalities = capabilities(models.values())

    def _served(self, call: EngineCall, chunk: Mapping[str, Any]) -> Started:
        """SGLang echoes the asked name, so the catalog's id is what is known; OpenAI tells the true
        one."""
        named = self._at.flavour.served_model(call, chunk)
        revision = self._revision or str(chunk.get("system_fingerprint") or "")
        return Started(named, revision, self._at.flavour.name, self._version)

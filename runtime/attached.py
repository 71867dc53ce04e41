"""An engine that somebody else runs: attached by URL, asked each second whether it serves."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Final, Self

import orjson

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
from runtime.openai_http import OpenAiHttp
from runtime.served import capabilities, run_for

_PROBE_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Attachment:
    """Where an engine is, what we call it, and what it serves: modality by engine model id."""

    name: str
    url: str
    flavour: Flavour
    models: Mapping[str, Modality]
    limits: Limits
    running_max: int
    api_key: str | None = field(default=None, repr=False)
    admin_key: str | None = field(default=None, repr=False)


class Attached:
    """Runs calls on the attached engine; it may come and go."""

    def __init__(self, attachment: Attachment) -> None:
        self._at = attachment
        self._state = EngineState.STARTING
        self._returns = 0
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
        return capabilities(self._at.models.values())

    @property
    def models(self) -> frozenset[str]:
        return frozenset(self._at.models)

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
        return EngineHealth(self.id, self._state, tuple(sorted(self._at.models)), self._returns)

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
        """What evidence will say about this engine, as far as it tells."""
        facts: dict[str, Any] = {}
        for path in self._at.flavour.about_paths:
            body = await self._http.get(path)
            with contextlib.suppress(orjson.JSONDecodeError, TypeError, ValueError):
                facts |= orjson.loads(body or b"{}")
        self._version = str(facts.get("version") or "")
        self._revision = str(facts.get("weight_version") or "")

    def _served(self, call: EngineCall, chunk: Mapping[str, Any]) -> Started:
        """SGLang echoes the asked name, so the catalog's id is what is known; OpenAI tells the true
        one."""
        named = self._at.flavour.served_model(call, chunk)
        revision = self._revision or str(chunk.get("system_fingerprint") or "")
        return Started(named, revision, self._at.flavour.name, self._version)


async def listed_models(
    url: str, flavour: Flavour, limits: Limits, api_key: str | None
) -> Sequence[tuple[str, int | None]]:
    """The ids that ``GET /v1/models`` of a server lists, with their context lengths where told; empty
    when it can't be asked."""
    http = OpenAiHttp(url, flavour, lambda call, _: Started(call.model, "", "", ""), limits, api_key)
    try:
        body = await http.get("/v1/models")
    finally:
        await http.aclose()
    try:
        rows = orjson.loads(body or b"{}").get("data") or []
        return [(str(row["id"]), row.get("max_model_len")) for row in rows]
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
        return []

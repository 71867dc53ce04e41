"""The local chat engine: llama.cpp in a supervised child, behind the adapter that SGLang uses too."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from base.child import Child, Program
from base.supervisor import Supervisor
from runtime.bodies import prompts_of
from runtime.choices import InParts
from runtime.engine import (
    EngineCall,
    EngineHealth,
    EngineState,
    Event,
    Fault,
    Load,
    Modality,
    Started,
)
from runtime.flavours import LlamaCpp
from runtime.http.message import Limits
from runtime.local.forced_calls import ForcedCalls, must_call
from runtime.openai_http import OpenAiHttp
from runtime.refused import refused
from runtime.served import capabilities
from runtime.vigil import keep_watch

_READY_S: Final = 120.0
_DOWN: Final = Fault("unavailable", retryable=True, status=503, detail="the chat engine is down")


@dataclass(frozen=True, slots=True)
class ChatWeights:
    """A model file and how it is used. ``revision`` names the weights in evidence, ``system`` is the
    system message of conversations that bring none, ``sampling`` the defaults that its card asks for.
    ``template`` is a chat template (Jinja) in place of the file's own; ``calls`` tells whether the
    template in use shows functions to the model."""

    path: Path
    id: str
    revision: str
    context_length: int
    system: str | None = None
    sampling: Mapping[str, float] = field(default_factory=dict)
    template: str = ""
    calls: bool = False


class LocalChat:
    """Runs chat calls in the child; while it is being restarted they end with a Fault."""

    def __init__(self, weights: ChatWeights, slots: int, threads: int, limits: Limits) -> None:
        self._weights = weights
        self._slots = slots
        self._limits = limits
        self._key = secrets.token_hex(32)
        self._state = EngineState.STARTING
        self._http: OpenAiHttp | None = None
        self._watching: asyncio.Task[None] | None = None
        self._version = ""
        program = Program(
            name="chat engine",
            module="runtime.local.chat_child",
            request={
                "path": str(weights.path),
                "name": weights.id,
                "key": self._key,
                "slots": slots,
                "slot_context": weights.context_length,
                "threads": threads,
                "sampling": dict(weights.sampling),
                "template": weights.template,
            },
            ready_s=_READY_S,
        )
        self._supervisor = Supervisor(program, on_change=self._changed)

    @property
    def id(self) -> str:
        return "local-chat"

    @property
    def modalities(self) -> frozenset[Modality]:
        return capabilities({Modality.CHAT})

    @property
    def models(self) -> frozenset[str]:
        return frozenset({self._weights.id})

    @property
    def state(self) -> EngineState:
        return self._state

    @property
    def pid(self) -> int | None:
        """The child's process id while it is up."""
        return self._supervisor.child.pid if self._supervisor.child else None

    def run(self, call: EngineCall) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        if self._http is None:
            return refused(_DOWN)
        run_one = self._http.run
        if must_call(call):
            run_one = partial(ForcedCalls, run_one=self._http.run)
        if prompts_of(call) > 1 or (call.body.get("n") or 1) > self._slots:
            return InParts(call, self._slots, run_one)
        return run_one(call)

    async def abort(self, rid: str) -> None:
        if self._http is not None:
            await self._http.abort(rid)

    async def load(self) -> Load:
        http = self._http
        return Load(http.running, 0, self._slots, http.silent_s) if http else Load(0, 0, self._slots)

    async def ready(self) -> bool:
        return self._http is not None and await self._http.ready()

    async def slots(self) -> bytes | None:
        """The child's own account of its slots: a JSON list with ``is_processing`` in each."""
        return await self._http.get("/slots") if self._http else None

    def health(self) -> EngineHealth:
        detail = {"version": self._version, "slots": self._slots}
        return EngineHealth(self.id, self._state, (self._weights.id,), self._supervisor.restarts, detail)

    async def __aenter__(self) -> Self:
        """Raises base.child.ChildFailed when the model can't be served."""
        await self._supervisor.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        http = self._http
        await self._supervisor.__aexit__(kind, error, traceback)
        self._state = EngineState.STOPPED
        if http is not None:
            await http.aclose()

    def _changed(self, child: Child | None) -> None:
        """A new child listens elsewhere; the connections to an ended one have ended with it."""
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None
        if child is None:
            self._http = None
            self._state = EngineState.DOWN
            return
        self._version = str(child.facts["version"])
        http = self._http = OpenAiHttp(
            str(child.facts["url"]),
            LlamaCpp(self._weights.system),
            self._served,
            self._limits,
            self._key,
        )
        self._state = EngineState.READY
        # Its word on its health may wait behind calls: only a silence of everything counts.
        self._watching = asyncio.create_task(keep_watch(child, http, self._limits.between_bytes_s))

    def _served(self, _: EngineCall, __: Mapping[str, Any]) -> Started:
        return Started(self._weights.id, self._weights.revision, "xllamacpp", self._version)

"""An SGLang server that we launch: a supervised child on loopback, under keys of its own."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from types import TracebackType
from typing import Any, Final, Self

from base.child import Child
from base.supervisor import Supervisor
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
from runtime.http.message import Limits
from runtime.openai_http import OpenAiHttp
from runtime.refused import refused
from runtime.served import capabilities, run_for
from runtime.sglang.environment import Build
from runtime.sglang.flavour import SgLang
from runtime.sglang.loads import LOADS_PATH, load_of
from runtime.sglang.plan import LaunchPlan
from runtime.vigil import keep_watch, serves

_PROBE_S: Final = 1.0
_DOWN: Final = Fault("unavailable", retryable=True, status=503, detail="SGLang is down")


class Launched:
    """Runs calls in the child; while it is being restarted they end with a Fault."""

    def __init__(
        self, name: str, plan: LaunchPlan, priorities: Mapping[str, int], limits: Limits
    ) -> None:
        self._name = name
        self._plan = plan
        self._limits = limits
        infills = frozenset({plan.served_as}) if plan.fills_in else frozenset[str]()
        self._flavour = SgLang(secrets.token_bytes(32), priorities, infills)
        self._state = EngineState.STARTING
        self._http: OpenAiHttp | None = None
        self._version = ""
        self._watching: asyncio.Task[None] | None = None
        self._program = plan.program()
        self._supervisor = Supervisor(self._program, on_change=self._changed)

    @property
    def id(self) -> str:
        return self._name

    @property
    def modalities(self) -> frozenset[Modality]:
        return capabilities((self._plan.kind,))

    @property
    def models(self) -> frozenset[str]:
        return frozenset({self._plan.served_as})

    @property
    def state(self) -> EngineState:
        return self._state

    @property
    def build(self) -> Build:
        """Which build of SGLang runs: that for this machine's processors, or that for its GPUs."""
        return self._plan.build

    @property
    def pid(self) -> int | None:
        """The child's process id while it is up."""
        return self._supervisor.child.pid if self._supervisor.child else None

    @property
    def url(self) -> str | None:
        """Where the child listens while it is up."""
        return str(self._supervisor.child.facts["url"]) if self._supervisor.child else None

    def run(self, call: EngineCall) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        if self._http is None:
            return refused(_DOWN)
        kind = self._plan.kind if call.model == self._plan.served_as else None
        return run_for(kind, call, self._http.run)

    async def abort(self, rid: str) -> None:
        if self._http is not None:
            await self._http.abort(rid)

    async def load(self) -> Load:
        """As the server tells, within a second; where it does not answer, what we have there."""
        http = self._http
        if http is None:
            return Load(0, 0, 0)
        told = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PROBE_S):
                told = load_of(await http.get(LOADS_PATH) or b"")
        return replace(told or Load(http.running, 0, 0), silent_s=http.silent_s)

    async def ready(self) -> bool:
        """Its own word, within some seconds: while it drains, or is ill, it is up and says no."""
        return self._http is not None and await serves(self._http) is True

    def health(self) -> EngineHealth:
        detail = {"version": self._version, "build": self._plan.build}
        models = (self._plan.served_as,)
        return EngineHealth(self.id, self._state, models, self._supervisor.restarts, detail)

    async def start(self) -> None:
        """Start it again after ``stop``. Raises base.child.ChildFailed when it does not start."""
        if self._state is not EngineState.STOPPED:
            return
        self._state = EngineState.STARTING
        self._supervisor = Supervisor(self._program, on_change=self._changed)
        try:
            await self._supervisor.__aenter__()
        except BaseException:
            self._state = EngineState.STOPPED
            raise

    async def stop(self) -> None:
        """End the child and what runs on it; it is not started again."""
        if self._state is EngineState.STOPPED:
            return
        http = self._http
        await self._supervisor.__aexit__(None, None, None)
        self._state = EngineState.STOPPED
        if http is not None:
            await http.aclose()

    async def __aenter__(self) -> Self:
        """Raises base.child.ChildFailed when it does not start."""
        await self._supervisor.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

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
            self._flavour,
            self._served,
            self._limits,
            self._plan.key,
            self._plan.admin_key,
        )
        self._state = EngineState.READY
        self._watching = asyncio.create_task(keep_watch(child, http, self._plan.silence_s, self._told))

    def _told(self, serves: bool) -> None:
        self._state = EngineState.READY if serves else EngineState.DOWN

    def _served(self, _: EngineCall, __: Mapping[str, Any]) -> Started:
        return Started(self._plan.served_as, "", self._flavour.name, self._version)

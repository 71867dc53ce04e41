"""Batches on this server: their tasks as calls of the core, their worker, their webhooks."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from base.clock import Clock
from base.errors import InternalError
from base.outbound.client import Outbound
from base.pricing import Quote, Rate
from base.resource import Resource
from base.sealing import Sealer
from base.settings import Settings
from runtime.catalog import Catalog
from server.beside import beside
from server.openai.vaas import vaas_member
from server.tools import BATCHED, path_of_model
from settlement.evidence.recorder import Recorder
from settlement.idempotency.book import KeyBook
from settlement.parts import Part, PartRail
from storage.op import Store
from tools.arguments import parse
from tools.core import Call, Registry
from tools.files.files import Files
from tools.invoke import Done, Invoker, quoted
from tools.jobs.batch import Priority
from tools.jobs.batches import Batches
from tools.jobs.lines import Endpoints, Task
from tools.jobs.parts import JobParts
from tools.jobs.signing import WebhookSecrets
from tools.jobs.submit import BatchTools
from tools.jobs.webhooks import Webhooks
from tools.jobs.worker import BATCHES, Worker

_TEN_THOUSAND: Final = 10_000
WHOLE: Final = Rate("whole", _TEN_THOUSAND)
"""The rate of jobs that pay the full price."""


@dataclass(slots=True)
class TaskCalls:
    """Quotes and runs tasks. The core that runs them is connected once it stands: its own tools make
    batches. ``own`` are the tools of the tasks where those are not the core's."""

    store: Store
    clock: Clock
    own: Registry | None = None
    _invoker: Invoker | None = field(default=None, init=False)
    _recorder: Recorder | None = field(default=None, init=False)

    def connect(self, invoker: Invoker, recorder: Recorder) -> None:
        self._invoker, self._recorder = invoker, recorder

    async def quote(self, task: Task) -> Quote:
        tool = self._tools(self._connected()[0]).get(task.tool)
        if tool is None:
            raise InternalError(f"There is no tool {task.tool}.")
        found = await quoted(tool, parse(tool.Input, task.arguments))
        if found is None:
            raise InternalError(f"{task.tool} has no price.")
        return found

    async def invoke(self, part: Part, rate: Rate, task: Task, call: Call) -> Done:
        core, recorder = self._connected()
        rail = PartRail(self.store, recorder, self.clock, part)
        tools, parts = self._tools(core), (core.observer, core.owner, rate)
        invoker = Invoker(tools, rail, self.clock, *parts, salts=core.salts)
        return await invoker.invoke(task.tool, task.arguments, call)

    def _tools(self, core: Invoker) -> Registry:
        return self.own or core.registry

    def _connected(self) -> tuple[Invoker, Recorder]:
        if self._invoker is None or self._recorder is None:
            raise InternalError("Tasks can't run yet.")
        return self._invoker, self._recorder


@dataclass(frozen=True, slots=True)
class Jobs:
    """Everything of batches that others need."""

    parts: JobParts
    calls: TaskCalls
    tools: BatchTools
    batches: Batches
    worker: Worker
    secrets: WebhookSecrets
    webhooks: Webhooks

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Work on batches and bring their news, from now on."""
        async with beside(self.worker.run()), beside(self.webhooks.run()):
            yield


def jobs_of(
    settings: Settings,
    store: Store,
    files: Files,
    sealer: Sealer,
    catalog: Catalog,
    clock: Clock,
    base_url: str,
    outbound: Outbound,
    keys: KeyBook,
) -> Jobs:
    """Nothing runs yet: see ``TaskCalls.connect`` and ``Jobs.running``."""
    calls = TaskCalls(store, clock)
    parts = JobParts(
        store=store,
        files=files,
        sealer=sealer,
        clock=clock,
        endpoints=Endpoints(BATCHED, path_of_model(catalog)),
        quote=calls.quote,
        invoke=calls.invoke,
        show=_body,
        resource=lambda path: Resource(base_url + path, path),
        rates=rates_of(settings),
        most_tasks=settings.batch_tasks,
        most_open=settings.account_jobs,
        keep_s=settings.file_ttl_s,
        keys=keys,
    )
    worker = Worker(parts, settings.batch_running, BATCHES)
    batches = Batches(parts, worker, outbound.check)
    secrets = WebhookSecrets(store, sealer, clock)
    webhooks = Webhooks(store, outbound, secrets, clock)
    return Jobs(parts, calls, BatchTools(parts, batches), batches, worker, secrets, webhooks)


def rates_of(settings: Settings) -> Mapping[Priority, Rate]:
    """The part of the price that each priority pays."""
    prices = settings.batch_prices.model_dump()
    return {
        priority: Rate(priority.value, int(prices[priority.value] * _TEN_THOUSAND))
        for priority in Priority
    }


def _body(run_id: str, output: bytes, evidence: Mapping[str, Any], salt: str) -> bytes:
    """What the path of the call would have answered: its output with the evidence spliced in."""
    vaas = vaas_member(run_id, evidence, salt)
    extra = {"vaas": vaas, "vaas_record_id": vaas["record_id"]}
    return output[:-1] + b"," + orjson.dumps(extra)[1:]

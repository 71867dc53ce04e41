"""A worker takes batches to their end: windows close, engines fail or are full, processes change."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from base.caller import Caller, CallerKind
from base.clock import SystemClock
from base.errors import BatchinError, EngineError, EngineOverloaded, InternalError, InvalidRequest
from base.pricing import PriceCard, Quote, Rate
from base.resource import Resource
from base.sealing import Sealer
from base.usage import Usage
from settlement.idempotency.book import KeyBook
from settlement.ledger.accounts import Accounts
from settlement.ledger.tables import TABLES as LEDGER
from settlement.parts import Part
from storage.sqlite import SqliteStore
from tests.stores import fresh_store
from tools.core import Call
from tools.files.files import Files, Limits
from tools.files.objects import DiskObjects
from tools.files.ops import Space
from tools.files.tables import TABLES as FILES
from tools.jobs import ops
from tools.jobs.batch import Batch, Priority, Status
from tools.jobs.batches import Batches
from tools.jobs.lines import Endpoints, Task
from tools.jobs.outcome import answered, task_row
from tools.jobs.parts import JobParts
from tools.jobs.schema import FileBatchInput
from tools.jobs.tables import TABLES as JOBS
from tools.jobs.worker import BATCHES, Worker

CLOCK = SystemClock()
PATH = "/v1/embeddings"
Running = Callable[[Part, Task], Awaitable[None]]


@dataclass
class Bench:
    """A worker whose tasks are run by the test."""

    store: SqliteStore
    files: Files
    parts: JobParts
    batches: Batches
    worker: Worker
    caller: Caller

    async def of(self, name: str) -> "Bench":
        """The same for another account."""
        accounts = Accounts(self.store, CLOCK)
        account = await accounts.create(name, "")
        await accounts.credit(account.id, 100_000, "test", name)
        return replace(self, caller=Caller(CallerKind.ACCOUNT, account.id))

    async def submit(self, *names: str) -> Batch:
        lines = b"".join(
            json.dumps({"custom_id": name, "url": PATH, "body": {"model": "m"}}).encode() + b"\n"
            for name in names
        )
        async with self.files.upload(self.caller.account_id or "") as upload:
            await upload.write(lines)
            file = await upload.finish("in", "batch")
        return await self.batches.of_file(self.caller, FileBatchInput(input_file_id=file.id))

    async def ended(self, batch: Batch) -> Batch:
        async with asyncio.timeout(60):
            while True:
                found = await self.batches.get(batch.account_id, batch.id)
                if found.status.ended:
                    return found
                await asyncio.sleep(0.01)

    async def held(self) -> None:
        """Wait until a batch has its hold."""
        async with asyncio.timeout(60):
            while True:
                if (await self.balance())[1]:
                    return
                await asyncio.sleep(0.01)

    async def lines(self, file_id: str | None) -> list[dict[str, Any]]:
        assert file_id is not None
        file = await self.files.get(self.caller.account_id or "", file_id)
        data = b"".join([part async for part in self.files.content(file, 0, file.size)])
        return [orjson.loads(line) for line in data.splitlines()]

    async def balance(self) -> tuple[int, int]:
        account = await Accounts(self.store, CLOCK).get(self.caller.account_id or "")
        assert account is not None
        return account.posted_nano_usd, account.held_nano_usd


@asynccontextmanager
async def bench(folder: Path, running: Running) -> AsyncIterator[Bench]:
    async with fresh_store(folder, LEDGER, FILES, JOBS) as store:
        accounts = Accounts(store, CLOCK)
        account = await accounts.create("tester", "")
        await accounts.credit(account.id, 1000, "test", "1")
        limits = Limits(10**6, Space(100, 10**7), 3600)
        sealer = Sealer(b"s" * 32)
        keys = KeyBook(store, sealer, CLOCK, 3600)
        files = Files(store, DiskObjects(folder / "objects"), sealer, CLOCK, limits, keys)

        async def quote(_: Task) -> Quote:
            return Quote("m", PriceCard("v", 1_000_000, 0), Usage(100))

        async def invoke(part: Part, rate: Rate, task: Task, call: Call) -> None:
            await running(part, task)

        parts = JobParts(
            store=store,
            files=files,
            sealer=sealer,
            clock=CLOCK,
            endpoints=Endpoints({PATH: "embed"}, lambda _: PATH),
            quote=quote,
            invoke=invoke,
            show=lambda _run, output, _evidence, _salt: output,
            resource=lambda path: Resource(path, path),
            rates={priority: Rate(priority.value, 5000) for priority in Priority},
            most_tasks=100,
            most_open=100,
            keep_s=3600,
            keys=keys,
        )
        worker = Worker(parts, 4, BATCHES)
        caller = Caller(CallerKind.ACCOUNT, account.id)
        working = asyncio.create_task(worker.run())
        yield Bench(store, files, parts, Batches(parts, worker, lambda _: None), worker, caller)
        working.cancel()
        await asyncio.wait((working,))


async def complete(made: Bench, part: Part, task: Task) -> None:
    """What a call's capture does, without money and evidence."""
    line = answered("run_1", "req_1", task.custom_id, b'{"ok":true}')
    row = task_row(part.funds.job_id, part.number, "run_1", line, made.parts.sealer, 1, b"d" * 32)
    await made.store.commit(ops.complete_task(row, 7, (1, 2, 0)))


async def test_what_did_not_run_within_the_window_expires(tmp_path: Path) -> None:
    async def running(part: Part, task: Task) -> None:
        if task.custom_id == "quick":
            await complete(made, part, task)
            return
        await asyncio.Event().wait()

    async with bench(tmp_path, running) as made:
        batch = await made.submit("quick", "stuck", "stuck-2")
        closing = ops.step(
            batch.id, {Status.VALIDATING}, Status.VALIDATING, expires_at_ms=CLOCK.now_ms() + 400
        )
        await made.store.commit(closing)
        done = await made.ended(batch)
        assert (done.status, done.completed, done.failed) == (Status.EXPIRED, 1, 0)
        assert [line["custom_id"] for line in await made.lines(done.output_file_id)] == ["quick"]
        left = await made.lines(done.error_file_id)
        assert [(line["custom_id"], line["error"]["code"]) for line in left] == [
            ("stuck", "batch_expired"),
            ("stuck-2", "batch_expired"),
        ]
        assert await made.balance() == (1000, 0)


@pytest.mark.parametrize(
    ("error", "attempts", "status"),
    [
        (EngineError("The engine failed."), 3, 502),
        (InvalidRequest("input is required.", param="input"), 1, 400),
        (InternalError("Ours."), 1, 500),
    ],
)
async def test_a_task_that_fails(
    tmp_path: Path, error: BatchinError, attempts: int, status: int
) -> None:
    tried: list[str] = []

    async def running(part: Part, task: Task) -> None:
        tried.append(task.custom_id)
        raise error

    async with bench(tmp_path, running) as made:
        done = await made.ended(await made.submit("a"))
        assert (done.status, done.completed, done.failed) == (Status.COMPLETED, 0, 1)
        (line,) = await made.lines(done.error_file_id)
        assert line["response"]["status_code"] == status
        assert line["response"]["body"]["error"]["message"] == error.message
        assert len(tried) == attempts
        assert done.output_file_id is None


async def test_an_engine_that_is_full_is_waited_for(tmp_path: Path) -> None:
    refusals = [EngineOverloaded("The engine's queue is full.") for _ in range(4)]

    async def running(part: Part, task: Task) -> None:
        if refusals:
            raise refusals.pop()
        await complete(made, part, task)

    async with bench(tmp_path, running) as made:
        done = await made.ended(await made.submit("a"))
        assert (done.status, done.completed, done.charged_nano_usd) == (Status.COMPLETED, 1, 7)


async def test_the_most_that_a_batch_may_cost_is_held_while_it_runs(tmp_path: Path) -> None:
    go = asyncio.Event()

    async def running(part: Part, task: Task) -> None:
        await go.wait()
        await complete(made, part, task)

    async with bench(tmp_path, running) as made:
        batch = await made.submit("a", "b")
        await made.held()
        assert await made.balance() == (1000, 100)  # two tasks of 100 at half the price
        poor = await made.ended(await made.submit(*(f"t{number}" for number in range(19))))
        assert (poor.status, "payment_required" in poor.errors) == (Status.FAILED, True)
        go.set()
        await made.ended(batch)
        assert (await made.balance())[1] == 0


async def test_a_task_whose_result_is_kept_is_not_run_again(tmp_path: Path) -> None:
    """The capture was durable and its answer was lost: the store could not tell."""
    from storage.errors import StorageUnavailable

    tried: list[str] = []

    async def running(part: Part, task: Task) -> None:
        tried.append(task.custom_id)
        await complete(made, part, task)
        raise StorageUnavailable("The store could not write.")

    async with bench(tmp_path, running) as made:
        done = await made.ended(await made.submit("a"))
        assert (done.completed, tried) == (1, ["a"])


async def test_too_many_tasks_fail_the_batch(tmp_path: Path) -> None:
    async def running(part: Part, task: Task) -> None:
        raise AssertionError

    async with bench(tmp_path, running) as made:
        done = await made.ended(await made.submit(*(str(number) for number in range(101))))
        assert (done.status, "at most 100 tasks" in done.errors) == (Status.FAILED, True)


async def test_an_account_with_many_batches_keeps_nobody_waiting(tmp_path: Path) -> None:
    """More of them than are worked on at once, all stuck: those of others run all the same."""
    go, tried = asyncio.Event(), list[str]()

    async def running(part: Part, task: Task) -> None:
        tried.append(task.custom_id)
        await go.wait()
        await complete(made, part, task)

    async with bench(tmp_path, running) as made:
        crowd, other = await made.of("crowd"), await made.of("other")
        many = [await crowd.submit("crowd") for _ in range(90)]
        late = await other.submit("l1", "l2")
        async with asyncio.timeout(60):
            async for state in made.batches.states(late.id):
                if state.status is Status.IN_PROGRESS:
                    break
        go.set()
        await made.ended(late)
        assert max(tried.index("l1"), tried.index("l2")) < 60
        for batch in many:
            assert (await made.ended(batch)).completed == 1

"""Regressions that begin by themselves: for new versions alone, and told when they can't begin."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import orjson

from base.caller import Caller, CallerKind
from base.sealing import Sealer
from server.beside import beside
from settlement.ledger.reports import UsageReports
from settlement.ledger.tables import TABLES as LEDGER
from storage.op import Row
from storage.sqlite import SqliteStore
from tests.clocks import HandClock
from tests.stores import fresh_store
from tools.jobs.schema import BatchInput
from tools.prompts.book import PromptBook
from tools.prompts.judge import Rule
from tools.prompts.replay import Replays, kept_caller
from tools.prompts.samples import Sample, Samples
from tools.prompts.tables import TABLES
from tools.prompts.template import PromptMessage, Template
from tools.prompts.trials import Kind, Trials

PLAN = {
    "samples": 2,
    "budget_cents": 1,
    "rule": Rule().model_dump(by_alias=True),
    "caller": kept_caller(Caller(CallerKind.ACCOUNT, "acct", "key")),
}


def words(text: str) -> Template:
    return Template(messages=[PromptMessage(role="user", content=text)])


async def price(_: BatchInput) -> int:
    """More than a cent."""
    return 10**12


async def submit(*_: Any) -> str:
    raise AssertionError("nothing is affordable")


async def begun(trials: Trials) -> Row:
    """The only regression, as soon as there is one."""
    async with asyncio.timeout(60):
        while True:
            if rows := await trials.newest("acct", Kind.REPLAY):
                [row] = rows
                return row
            await asyncio.sleep(0.01)


@asynccontextmanager
async def replaying(store: SqliteStore) -> AsyncIterator[tuple[PromptBook, Samples, Trials]]:
    clock, sealer = HandClock(), Sealer(b"s" * 32)
    book = PromptBook(store, sealer, clock, UsageReports(store))
    samples, trials = Samples(store, sealer, clock, 3600), Trials(store)
    batches = cast("Any", None)
    parts = (store, sealer, clock, book.usage, batches, price, submit, None)
    replays = Replays(book, trials, samples, *parts)
    book.made.append(replays.propose)
    async with beside(replays.run()):
        yield book, samples, trials


async def test_one_that_can_not_begin_is_listed_with_its_reason(tmp_path: Path) -> None:
    async with (
        fresh_store(tmp_path, LEDGER, TABLES) as store,
        replaying(store) as (book, samples, trials),
    ):
        await book.push_and_promote("acct", "greeter", None, words("Greet."))
        await book.automate("acct", "greeter", PLAN)
        sample = Sample("v1", {}, [], {"model": "m"}, "run_" + "0" * 32)
        await store.commit(samples.keep("acct", "greeter", sample))
        await book.push_and_promote("acct", "greeter", None, words("Greet!"))  # begins nothing
        await book.propose("acct", "greeter", None, words("Hail."))
        row = await begun(trials)
        assert (row["baseline"], row["candidate"], row["status"]) == ("v2", "v3", "incomplete")
        assert "more than the budget" in orjson.loads(row["result"])["reasons"][0]
        assert await trials.open() == []


async def test_a_sample_of_a_prompt_that_is_gone_is_not_kept(tmp_path: Path) -> None:
    async with (
        fresh_store(tmp_path, LEDGER, TABLES) as store,
        replaying(store) as (book, samples, trials),
    ):
        await book.push_and_promote("acct", "greeter", None, words("Greet."))
        late = samples.keep("acct", "gone", Sample("v1", {}, [], {"model": "m"}, "run_" + "0" * 32))
        await store.commit(late)
        assert await samples.newest("acct", "gone", 1) == []
        assert not await trials.has_samples("acct")

"""Samples: the newest so many of a prompt, whatever became of other calls."""

from pathlib import Path

from sqlalchemy import select

from base.caller import Caller, CallerKind
from base.ids import new_run_id
from base.resource import Resource
from base.sealing import Sealer
from base.trace import trace_from
from settlement.ledger.reports import UsageReports
from settlement.ledger.tables import TABLES as LEDGER
from settlement.rail import Delivery
from storage.sqlite import SqliteStore
from tests.clocks import HandClock
from tests.stores import fresh_store
from tools.core import Call
from tools.prompts.binding import Bound, PromptBinder
from tools.prompts.book import PromptBook
from tools.prompts.samples import MOST_KEPT, Samples
from tools.prompts.tables import PROMPT_SAMPLE, TABLES
from tools.prompts.template import PromptMessage, Template
from tools.prompts.trials import Trials

ASKED = {"model": "m", "prompt": {"id": "hello"}, "messages": []}


def call() -> Call:
    return Call(
        run_id=new_run_id(),
        request_id="req",
        caller=Caller(CallerKind.ACCOUNT, "acct", "key", keeps_samples=True),
        trace=trace_from(None),
        resource=Resource("http://here/v1/chat/completions", "/v1/chat/completions"),
        delivery=Delivery.WHOLE,
        deadline_s=1.0,
    )


async def binder_of(store: SqliteStore) -> PromptBinder:
    clock, sealer = HandClock(), Sealer(bytes(32))
    book = PromptBook(store, sealer, clock, UsageReports(store))
    template = Template(messages=[PromptMessage(role="user", content="Say hello.")])
    made = await book.push("acct", "hello", None, template)
    await book.promote("acct", made.name, made.version)
    return PromptBinder(book, Samples(store, sealer, clock, 3600), Trials(store))


async def test_calls_that_came_to_nothing_crowd_out_no_sample(tmp_path: Path) -> None:
    async with fresh_store(tmp_path, TABLES, LEDGER) as store:
        binder = await binder_of(store)

        async def bound() -> Bound:
            return await binder("chat", ASKED, call())

        kept = []
        for _ in range(MOST_KEPT + 2):
            for _ in range(2):
                await bound()  # it is refused, or fails
            made = await bound()
            kept.append(made.call.run_id)
            await store.commit(*made.also("acct"))
        rows = await store.read(select(PROMPT_SAMPLE.c.run_id))
        assert {row["run_id"] for row in rows} == set(kept[2:])

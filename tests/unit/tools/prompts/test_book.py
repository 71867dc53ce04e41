"""Versions that are made at once have numbers of their own."""

import asyncio
from pathlib import Path

from base.sealing import Sealer
from settlement.ledger.reports import UsageReports
from settlement.ledger.tables import TABLES as LEDGER
from tests.clocks import HandClock
from tests.stores import fresh_store
from tools.prompts.book import PromptBook
from tools.prompts.tables import TABLES
from tools.prompts.template import PromptMessage, Template


def template(content: str) -> Template:
    return Template(messages=[PromptMessage(role="user", content=content)])


async def test_texts_that_come_at_once_are_versions_each(tmp_path: Path) -> None:
    async with fresh_store(tmp_path, TABLES, LEDGER) as store:
        book = PromptBook(store, Sealer(bytes(32)), HandClock(), UsageReports(store))
        pushes = (book.push("acct", "many", None, template(f"text {n}")) for n in range(8))
        made = await asyncio.gather(*pushes)
        assert {version.version for version in made} == {f"v{n}" for n in range(1, 9)}

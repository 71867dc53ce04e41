"""Records and integrates without end; prints the note of each checkpoint as JSON once it is durable."""

import asyncio
import json
import sys
from pathlib import Path

from base.ids import new_run_id
from settlement.evidence.integrator import Integrator
from settlement.evidence.log import Log
from settlement.evidence.ops import evidence_op
from settlement.evidence.tables import TABLES
from storage.sqlite import SqliteStore
from tests.stores import fresh_store
from tests.unit.settlement.evidence.case import LOG, LOG_KEY, START_MS, Desk, open_desk, outcome

BATCH = 40


async def main(folder: Path) -> None:
    desk = open_desk(folder / "keys")
    async with fresh_store(folder, TABLES) as store:
        integrator = Integrator(store, LOG, LOG_KEY.name, desk.clock)
        log = Log(store, LOG_KEY)
        while True:
            await asyncio.gather(_record(store, desk), integrator.integrate())
            print(json.dumps((await log.head()).note), flush=True)


async def _record(store: SqliteStore, desk: Desk) -> None:
    signed = [desk.signed(of=outcome(new_run_id())) for _ in range(BATCH)]
    tickets = [store.submit(evidence_op(evidence, None, START_MS)) for evidence, _ in signed]
    await asyncio.gather(*(ticket.durable for ticket in tickets))


asyncio.run(main(Path(sys.argv[1])))

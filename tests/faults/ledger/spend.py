"""Child of the kill test: runs calls on a ledger for ever, and one that never ends.

Arguments: the folder of the database, and the account. Lines on stdout: ``held <run>`` once a hold is on
the disk, ``charged <run>`` once a capture is.
"""

import asyncio
import sys
from pathlib import Path

from base.ids import new_run_id
from settlement.ledger import ops
from settlement.ledger.tables import TABLES
from storage.sqlite import SqliteStore, open_store

AMOUNT = 10
CHARGE = 4


async def call(store: SqliteStore, account_id: str) -> None:
    run_id = new_run_id()
    hold = store.submit(ops.hold(run_id, account_id, None, AMOUNT, store.lease, 1))
    await hold.durable
    print("held", run_id, flush=True)
    await store.commit(ops.capture(run_id, account_id, None, CHARGE, 1))
    print("charged", run_id, flush=True)


async def callers(store: SqliteStore, account_id: str) -> None:
    while True:
        await call(store, account_id)


async def main(folder: Path, account_id: str) -> None:
    store = await open_store(folder / "batchin.db", (TABLES,))
    await store.commit(ops.hold(new_run_id(), account_id, None, AMOUNT, store.lease, 1))
    await asyncio.gather(*(callers(store, account_id) for _ in range(16)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))

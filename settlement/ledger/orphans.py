"""Holds of processes that are gone: given back, nothing charged."""

from typing import Final

from sqlalchemy import select

from settlement.ledger import ops
from settlement.ledger.ids import JOBS
from settlement.ledger.tables import HOLD
from storage.op import Store

_AT_ONCE: Final = 128


async def void_orphans(store: Store) -> int:
    """Void every hold of another lease, and tell how many there were. Holds of jobs stay.

    For the start of a process that owns the store alone: no other lease is alive then.
    """
    query = select(HOLD.c.run_id, HOLD.c.account_id, HOLD.c.key_id).where(
        HOLD.c.lease.not_in((store.lease, JOBS))
    )
    voids = [
        ops.void(row["run_id"], row["account_id"], row["key_id"]) for row in await store.read(query)
    ]
    voided = 0
    for start in range(0, len(voids), _AT_ONCE):
        voided += sum(await store.commit(*voids[start : start + _AT_ONCE]))
    return voided

"""What keeps a job whose input came with a request, in the commit that charges that request."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy import select

from base.caller import Caller
from base.errors import TooManyOpen
from settlement.ledger import ops as ledger
from settlement.ledger.ids import JOBS
from storage.op import Op
from tools.files import ops as file_ops
from tools.files.file import File
from tools.jobs import ops
from tools.jobs.batch import Batch
from tools.jobs.parts import JobParts
from tools.jobs.tables import JOB_COUNT

_ANY: Final = 2**31


async def check_open(parts: JobParts, caller: Caller) -> None:
    """Raises TooManyOpen, before anything of a new job is written."""
    query = select(JOB_COUNT.c.open).where(JOB_COUNT.c.account_id == caller.account_id)
    rows = await parts.store.read(query)
    if rows and rows[0]["open"] >= parts.most_open:
        raise TooManyOpen(parts.most_open)


def accepted(parts: JobParts, batch: Batch, file: File, caller: Caller, account_id: str) -> Sequence[Op]:
    """The job of this account, its input, and the hold of the most that it may cost.

    An account other than the caller's own is the wallet that paid this very call: it is not refused for
    having many.
    """
    own = caller.account_id == account_id
    owned = replace(
        batch,
        account_id=account_id,
        key_id=caller.key_id if own else None,
        wallet=account_id.startswith("wallet:"),
        input_file_id=file.id,
    )
    kept = replace(file, account_id=account_id, gone_at_ms=batch.gone_at_ms)
    return (
        hold_of(owned, batch.quoted_nano_usd, batch.created_at_ms),
        parts.files.addition(kept, 1, file_ops.UNLIMITED),
        ops.create(owned.row(), parts.most_open if own else _ANY),
    )


def hold_of(batch: Batch, amount_nano_usd: int, at_ms: int) -> Op:
    """The hold that a job is accepted with: it outlives processes and ends with the job."""
    return ledger.hold(batch.id, batch.account_id, batch.key_id, amount_nano_usd, JOBS, at_ms)

"""What keeps a job whose input came with a request, in the commit that charges that request."""

from collections.abc import Sequence
from dataclasses import replace

from settlement.ledger import ops as ledger
from settlement.ledger.ids import JOBS
from storage.op import Op
from tools.files import ops as file_ops
from tools.files.files import File
from tools.jobs import ops
from tools.jobs.batch import Batch
from tools.jobs.parts import JobParts


def accepted(
    parts: JobParts, batch: Batch, file: File, account_id: str, key_id: str | None
) -> Sequence[Op]:
    """The job of this account, its input, and the hold of the most that it may cost."""
    owned = replace(
        batch,
        account_id=account_id,
        key_id=key_id,
        wallet=account_id.startswith("wallet:"),
        input_file_id=file.id,
    )
    kept = replace(file, account_id=account_id, gone_at_ms=batch.gone_at_ms)
    return (
        hold_of(owned, batch.quoted_nano_usd, batch.created_at_ms),
        parts.files.addition(kept, 1, file_ops.UNLIMITED),
        ops.create(owned.row()),
    )


def hold_of(batch: Batch, amount_nano_usd: int, at_ms: int) -> Op:
    """The hold that a job is accepted with: it outlives processes and ends with the job."""
    return ledger.hold(batch.id, batch.account_id, batch.key_id, amount_nano_usd, JOBS, at_ms)

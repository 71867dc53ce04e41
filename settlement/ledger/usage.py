"""What each run consumed and cost, one row a run."""

from settlement.rail import Outcome, RunStatus
from storage.op import Key, Op, Row, Rows


def usage_op(
    outcome: Outcome, account_id: str, key_id: str | None, rail: str, charged_nano_usd: int
) -> Op:
    """Add a run's usage; in the commit that charges it."""
    row: Row = {
        "run_id": outcome.run_id,
        "account_id": account_id,
        "key_id": key_id,
        "tool": outcome.tool,
        "model": outcome.model,
        "served_model": outcome.served.model,
        "input_tokens": outcome.usage.input_tokens,
        "output_tokens": outcome.usage.output_tokens,
        "cached_tokens": outcome.usage.cached_tokens,
        "images": outcome.usage.images,
        "audio_ms": outcome.usage.audio_ms,
        "characters": outcome.usage.characters,
        "video_ms": outcome.usage.video_ms,
        "charged_nano_usd": charged_nano_usd,
        "rail": rail,
        "status": outcome.status.value,
        "price_version": outcome.quote.card.version,
        "trace_id": outcome.trace_id,
        "prompt_version": outcome.prompt_version,
        "started_at_ms": outcome.started_at_ms,
        "ended_at_ms": outcome.ended_at_ms,
    }

    def fold(rows: Rows) -> None:
        rows.add("usage", dict(row))

    return Op((), fold)


def refund_usage_op(run_id: str) -> Op:
    """Take a run's charge back, in the commit that reverses it: what was used stays on record."""
    key = Key("usage", (run_id,))

    def fold(rows: Rows) -> None:
        row = rows.get(key)
        if row is not None:
            rows.put(key, row | {"charged_nano_usd": 0, "status": RunStatus.FAILED.value})

    return Op((key,), fold)

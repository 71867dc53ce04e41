"""The operations on batches. Refusals: ``not_found``, ``ended`` (the batch takes no more of that),
``too_many_open`` (its account has as many as it may)."""

from collections.abc import Collection
from typing import Any, Final

import orjson

from base.ids import new_id
from storage.op import Key, Op, Refused, Row, Rows
from tools.jobs.batch import Status

TAKES_RESULTS: Final = frozenset({Status.IN_PROGRESS, Status.CANCELLING})
CANCELLABLE: Final = frozenset({Status.VALIDATING, Status.IN_PROGRESS})


def batch_key(batch_id: str) -> Key:
    return Key("batch", (batch_id,))


def open_key(account_id: str) -> Key:
    """Where the jobs of an account that have not ended are counted."""
    return Key("job_count", (account_id,))


def create(row: Row, most_open: int) -> Op:
    """Keep a new batch and count it: None, or Refused ``too_many_open``."""
    key, count_at = batch_key(row["id"]), open_key(row["account_id"])

    def fold(rows: Rows) -> Refused | None:
        count = rows.get(count_at) or {"account_id": row["account_id"], "open": 0}
        if count["open"] >= most_open:
            return Refused("too_many_open", {"most": most_open})
        rows.put(count_at, count | {"open": count["open"] + 1})
        rows.put(key, row)
        return None

    return Op((count_at,), fold, fresh=(key,))


def close(account_id: str) -> Op:
    """One job of an account has ended. Once for each ``create``, in the commit that ends the job."""
    count_at = open_key(account_id)

    def fold(rows: Rows) -> None:
        count = rows.get(count_at)
        if count is None or count["open"] <= 1:
            rows.delete(count_at)
        else:
            rows.put(count_at, count | {"open": count["open"] - 1})

    return Op((count_at,), fold)


def step(batch_id: str, of: Collection[Status], to: Status, **changes: Any) -> Op:
    """Move a batch on: None, or Refused ``ended`` when it is in none of the states ``of``. One that its
    owner dropped stays gone."""
    key = batch_key(batch_id)

    def fold(rows: Rows) -> Refused | None:
        row = rows.get(key)
        if row is None or Status(row["status"]) not in of:
            return Refused("ended")
        changed = row | changes | {"status": to.value}
        if row["gone_at_ms"] <= row["created_at_ms"]:
            changed["gone_at_ms"] = row["gone_at_ms"]
        rows.put(key, changed)
        return None

    return Op((key,), fold)


def cancel(batch_id: str, account_id: str, at_ms: int) -> Op:
    """Stop a batch of this account: None, or Refused ``not_found``, ``ended``. A second time is
    harmless."""
    key = batch_key(batch_id)

    def fold(rows: Rows) -> Refused | None:
        row = rows.get(key)
        if row is None or row["account_id"] != account_id:
            return Refused("not_found")
        if Status(row["status"]) not in CANCELLABLE:
            done = row["status"] in (Status.CANCELLING, Status.CANCELLED)
            return None if done else Refused("ended")
        rows.put(key, row | {"status": Status.CANCELLING.value, "cancelling_at_ms": at_ms})
        return None

    return Op((key,), fold)


def drop(batch_id: str, account_id: str, at_ms: int) -> Op:
    """Let a batch be gone for its owner, and stop it where it goes on; or Refused ``not_found``."""
    key = batch_key(batch_id)

    def fold(rows: Rows) -> Refused | None:
        row = rows.get(key)
        if row is None or row["account_id"] != account_id:
            return Refused("not_found")
        row["gone_at_ms"] = row["created_at_ms"]
        if Status(row["status"]) in CANCELLABLE:
            row |= {"status": Status.CANCELLING.value, "cancelling_at_ms": at_ms}
        rows.put(key, row)
        return None

    return Op((key,), fold)


def progress(batch_id: str, percent: int) -> Op:
    """How far a batch that runs is."""
    key = batch_key(batch_id)

    def fold(rows: Rows) -> None:
        row = rows.get(key)
        if row is not None and row["status"] == Status.IN_PROGRESS:
            rows.put(key, row | {"progress": percent})

    return Op((key,), fold)


def complete_task(
    task: Row,
    charged_nano_usd: int,
    tokens: tuple[int, int, int],
    of: Collection[Status] = TAKES_RESULTS,
) -> Op:
    """Keep the result of a task and count it, or Refused ``ended`` when its batch is in none of the
    states ``of``.

    ``tokens``: of the input, of the output, and of the input those that were cached.
    """
    batch_at = batch_key(task["batch_id"])
    task_at = Key("batch_task", (task["batch_id"], task["number"]))

    def fold(rows: Rows) -> Refused | None:
        batch = rows.get(batch_at)
        if batch is None or Status(batch["status"]) not in of:
            return Refused("ended")
        batch["completed" if task["completed"] else "failed"] += 1
        batch["charged_nano_usd"] += charged_nano_usd
        for name, count in zip(("input_tokens", "output_tokens", "cached_tokens"), tokens, strict=True):
            batch[name] += count
        rows.put(batch_at, batch)
        rows.put(task_at, task)
        return None

    return Op((batch_at,), fold, fresh=(task_at,))


def announce(batch: Row, status: Status, at_ms: int) -> Op:
    """Queue the news of a batch's end for its webhook, if it has one."""
    event_id = new_id("evt")
    row: Row = {
        "id": event_id,
        "account_id": batch["account_id"],
        "batch_id": batch["id"],
        "type": f"batch.{status.value}",
        "url": batch["webhook_url"] or "",
        "state": "due",
        "attempts": 0,
        "last_status": None,
        "last_problem": "",
        "created_at_ms": at_ms,
        "next_at_ms": at_ms,
        "ended_at_ms": None,
    }
    key = Key("webhook_delivery", (event_id,))

    def fold(rows: Rows) -> None:
        if row["url"]:
            rows.put(key, row)

    return Op((), fold, fresh=(key,))


def forget_tasks(batch_id: str, numbers: Collection[int]) -> Op:
    keys = tuple(Key("batch_task", (batch_id, number)) for number in numbers)

    def fold(rows: Rows) -> None:
        for key in keys:
            rows.delete(key)

    return Op(keys, fold)


def forget(batch_id: str) -> Op:
    key = batch_key(batch_id)
    return Op((key,), lambda rows: rows.delete(key))


def errors_text(errors: Collection[dict[str, Any]]) -> str:
    return orjson.dumps(list(errors)).decode()

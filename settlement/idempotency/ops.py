"""The steps of an idempotency key's life, each an operation on the Store."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from base.sealing import Sealed
from storage.op import Key, Op, Refused, Row, Rows


@dataclass(frozen=True, slots=True)
class Use:
    """One use of a key: by whom, for what, by which run."""

    account_id: str
    key: str
    fingerprint: str
    run_id: str

    @property
    def at(self) -> Key:
        return Key("idempotency", (self.account_id, self.key))


@dataclass(frozen=True, slots=True)
class Ended:
    """The run that was answered under a key, and its sealed result."""

    run_id: str
    result: Sealed


def take(use: Use, lease: str, dead: AbstractSet[str], now_ms: int, expires_at_ms: int) -> Op:
    """Take a key for a run: None when it is taken now, Ended when it was answered before, or Refused
    ``mismatch`` (used for another request), ``running`` (its run is not over), whose detail names the
    ``lease`` that runs it. A key that expired, or whose run died with its process, is free.
    """

    def fold(rows: Rows) -> Ended | Refused | None:
        row = rows.get(use.at)
        if row is not None and not _is_free(row, dead, now_ms):
            if row["fingerprint"] != use.fingerprint:
                return Refused("mismatch")
            if row["box"] is None:
                return Refused("running", {"lease": row["lease"]})
            return Ended(row["run_id"], Sealed(row["salt"], row["box"]))
        rows.put(
            use.at,
            {
                "account_id": use.account_id,
                "key": use.key,
                "fingerprint": use.fingerprint,
                "run_id": use.run_id,
                "lease": lease,
                "salt": None,
                "box": None,
                "expires_at_ms": expires_at_ms,
            },
        )
        return None

    return Op((use.at,), fold)


def once(use: Use, result: Sealed, lease: str, now_ms: int, expires_at_ms: int) -> Op:
    """For what is done by one commit: take a key and keep its result, with the other operations of it.

    None, or Refused, which lets nothing of the commit happen: ``mismatch``, ``running``, ``again`` (done
    before; its detail holds the ``salt`` and ``box`` of the result).
    """

    def fold(rows: Rows) -> Refused | None:
        row = rows.get(use.at)
        if row is not None and row["expires_at_ms"] > now_ms:
            if row["fingerprint"] != use.fingerprint:
                return Refused("mismatch")
            if row["box"] is None:
                return Refused("running", {"lease": row["lease"]})
            return Refused("again", {"salt": row["salt"], "box": row["box"]})
        rows.put(
            use.at,
            {
                "account_id": use.account_id,
                "key": use.key,
                "fingerprint": use.fingerprint,
                "run_id": use.run_id,
                "lease": lease,
                "salt": result.salt,
                "box": result.box,
                "expires_at_ms": expires_at_ms,
            },
        )
        return None

    return Op((use.at,), fold)


def end(use: Use, result: Sealed) -> Op:
    """Keep the result of the run, in the commit of its charge."""

    def fold(rows: Rows) -> None:
        row = rows.get(use.at)
        if row is not None and row["run_id"] == use.run_id:
            rows.put(use.at, {**row, "salt": result.salt, "box": result.box})

    return Op((use.at,), fold)


def free(use: Use) -> Op:
    """The run came to nothing, if it was not answered after all: the key may be used again."""

    def fold(rows: Rows) -> None:
        row = rows.get(use.at)
        if row is not None and row["run_id"] == use.run_id and row["box"] is None:
            rows.delete(use.at)

    return Op((use.at,), fold)


def forget(account_id: str, key: str, now_ms: int) -> Op:
    """Delete a key that has expired."""
    at = Key("idempotency", (account_id, key))

    def fold(rows: Rows) -> None:
        row = rows.get(at)
        if row is not None and row["expires_at_ms"] <= now_ms:
            rows.delete(at)

    return Op((at,), fold)


def _is_free(row: Row, dead: AbstractSet[str], now_ms: int) -> bool:
    if row["expires_at_ms"] <= now_ms:
        return True
    return row["box"] is None and row["lease"] in dead

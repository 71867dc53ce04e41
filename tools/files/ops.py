"""The operations on files. Refusals: ``not_found``, ``too_many``, ``too_much``, ``in_use``."""

from dataclasses import dataclass
from typing import Final

from storage.op import Key, Op, Refused, Row, Rows


@dataclass(frozen=True, slots=True)
class Space:
    """The most that one account may keep."""

    files: int
    bytes: int


UNLIMITED: Final = Space(2**62, 2**62)
"""For what the server itself makes for an account: it counts, and is never refused."""


def file_key(file_id: str) -> Key:
    return Key("file", (file_id,))


def add(row: Row, space: Space) -> Op:
    """Keep a new file: None, or Refused ``too_many``, ``too_much``."""
    file_at, space_at = file_key(row["id"]), Key("file_space", (row["account_id"],))

    def fold(rows: Rows) -> Refused | None:
        kept = rows.get(space_at) or {"account_id": row["account_id"], "files": 0, "bytes": 0}
        kept["files"] += 1
        kept["bytes"] += row["size"]
        if kept["files"] > space.files:
            return Refused("too_many")
        if kept["bytes"] > space.bytes:
            return Refused("too_much")
        rows.put(space_at, kept)
        rows.put(file_at, row)
        return None

    return Op((space_at,), fold, fresh=(file_at,))


def let_go(file_id: str, account_id: str, at_ms: int) -> Op:
    """End a file for its owner: how many jobs still read it, or Refused ``not_found``."""
    file_at = file_key(file_id)

    def fold(rows: Rows) -> int | Refused:
        row = rows.get(file_at)
        if row is None or not _is_of(row, account_id, at_ms):
            return Refused("not_found")
        row["gone_at_ms"] = at_ms
        rows.put(file_at, row)
        return int(row["pins"])

    return Op((file_at,), fold)


def remove(file_id: str, account_id: str, at_ms: int) -> Op:
    """Forget a file that is gone and that nobody reads: its object's name, or Refused."""
    file_at, space_at = file_key(file_id), Key("file_space", (account_id,))

    def fold(rows: Rows) -> str | Refused:
        row = rows.get(file_at)
        if row is None or row["account_id"] != account_id:
            return Refused("not_found")
        if row["pins"] or row["gone_at_ms"] > at_ms:
            return Refused("in_use")
        kept = rows.get(space_at) or {"account_id": account_id, "files": 1, "bytes": row["size"]}
        kept["files"] -= 1
        kept["bytes"] -= row["size"]
        rows.put(space_at, kept)
        rows.delete(file_at)
        return str(row["object"])

    return Op((file_at, space_at), fold)


def pin(file_id: str, account_id: str, at_ms: int) -> Op:
    """Keep a file's bytes while a job reads them: None, or Refused ``not_found``."""
    file_at = file_key(file_id)

    def fold(rows: Rows) -> Refused | None:
        row = rows.get(file_at)
        if row is None or not _is_of(row, account_id, at_ms):
            return Refused("not_found")
        row["pins"] += 1
        rows.put(file_at, row)
        return None

    return Op((file_at,), fold)


def unpin(file_id: str) -> Op:
    """The job has ended. Once for each ``pin``, in the commit that ends the job."""
    file_at = file_key(file_id)

    def fold(rows: Rows) -> None:
        row = rows.get(file_at)
        if row is None or not row["pins"]:
            return
        row["pins"] -= 1
        rows.put(file_at, row)

    return Op((file_at,), fold)


def _is_of(row: Row, account_id: str, at_ms: int) -> bool:
    return bool(row["account_id"] == account_id and row["gone_at_ms"] > at_ms)

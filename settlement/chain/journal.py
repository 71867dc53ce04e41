"""Operations and queries on the journal of transactions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select

from settlement.chain.tables import CHAIN_TX
from storage.op import Key, Op, Refused, Row, Rows, Store

_TABLE: Final = CHAIN_TX.name
SIGNED: Final = "signed"
MINED: Final = "mined"


@dataclass(frozen=True, slots=True)
class Entry:
    """A signed transaction. ``ref`` says what it is for; a ref is carried out once."""

    ref: str
    network: str
    genesis: str
    sender: str
    nonce: int
    hash: str
    raw: bytes
    created_at_ms: int
    state: str = SIGNED


def add(entry: Entry) -> Op:
    """Journal a new ref. Refused("duplicate") when there is one."""
    key = Key(_TABLE, (entry.ref,))

    def fold(rows: Rows) -> Refused | None:
        if rows.get(key) is not None:
            return Refused("duplicate")
        rows.put(key, _row(entry))
        return None

    return Op((key,), fold)


def withdraw(ref: str) -> Op:
    """Forget a transaction that no block will hold, so that its ref can be carried out anew."""
    key = Key(_TABLE, (ref,))
    return Op((key,), lambda rows: rows.delete(key))


def mark_mined(ref: str) -> Op:
    key = Key(_TABLE, (ref,))

    def fold(rows: Rows) -> None:
        row = rows.get(key)
        if row is not None:
            rows.put(key, {**row, "state": MINED})

    return Op((key,), fold)


async def find(store: Store, ref: str) -> Entry | None:
    found = await store.read(select(CHAIN_TX).where(CHAIN_TX.c.ref == ref))
    return _entry(found[0]) if found else None


async def from_nonce(store: Store, genesis: str, sender: str, nonce: int) -> Sequence[Entry]:
    """What a sender signed with this nonce and later ones, in their order."""
    ours = (CHAIN_TX.c.genesis == genesis) & (CHAIN_TX.c.sender == sender) & (CHAIN_TX.c.nonce >= nonce)
    found = await store.read(select(CHAIN_TX).where(ours).order_by(CHAIN_TX.c.nonce))
    return [_entry(row) for row in found]


def _row(entry: Entry) -> Row:
    return {
        "ref": entry.ref,
        "network": entry.network,
        "genesis": entry.genesis,
        "sender": entry.sender,
        "nonce": entry.nonce,
        "hash": entry.hash,
        "raw": entry.raw,
        "state": entry.state,
        "created_at_ms": entry.created_at_ms,
    }


def _entry(row: dict[str, Any]) -> Entry:
    return Entry(**row)

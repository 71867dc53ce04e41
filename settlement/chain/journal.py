"""Operations and queries on the journal of transactions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, select

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
    earlier: str | None = None
    cost_gwei: int = 0
    sent_at_ms: int = 0

    @property
    def hashes(self) -> tuple[str, ...]:
        """Of all its versions, the one in force first."""
        return (self.hash, *(self.earlier or "").split())


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


def mark_mined(ref: str, cost_gwei: int | None = None) -> Op:
    """Note that it is in a block, and what that cost."""
    key = Key(_TABLE, (ref,))

    def fold(rows: Rows) -> None:
        row = rows.get(key)
        if row is not None:
            cost = row["cost_gwei"] if cost_gwei is None else cost_gwei
            rows.put(key, {**row, "state": MINED, "cost_gwei": cost})

    return Op((key,), fold)


def sent_again(ref: str, at_ms: int) -> Op:
    """Note that it waits for a block again, or for the first time since this moment."""
    key = Key(_TABLE, (ref,))

    def fold(rows: Rows) -> None:
        row = rows.get(key)
        if row is not None:
            rows.put(key, {**row, "state": SIGNED, "sent_at_ms": at_ms})

    return Op((key,), fold)


def replace(old: Entry, new: Entry) -> Op:
    """Put a version at a higher fee in the place of the one that was sent; Refused("moved") when that is
    not the one in force."""
    key = Key(_TABLE, (old.ref,))

    def fold(rows: Rows) -> Refused | None:
        row = rows.get(key)
        if row is None or row["hash"] != old.hash or row["state"] != SIGNED:
            return Refused("moved")
        rows.put(key, _row(new))
        return None

    return Op((key,), fold)


async def find(store: Store, ref: str) -> Entry | None:
    found = await store.read(select(CHAIN_TX).where(CHAIN_TX.c.ref == ref))
    return _entry(found[0]) if found else None


async def from_nonce(store: Store, genesis: str, sender: str, nonce: int) -> Sequence[Entry]:
    """What a sender signed with this nonce and later ones, in their order."""
    ours = (CHAIN_TX.c.genesis == genesis) & (CHAIN_TX.c.sender == sender) & (CHAIN_TX.c.nonce >= nonce)
    found = await store.read(select(CHAIN_TX).where(ours).order_by(CHAIN_TX.c.nonce))
    return [_entry(row) for row in found]


async def unmined_before(store: Store, genesis: str, sender: str, nonce: int) -> Sequence[Entry]:
    """What a sender signed with lower nonces and is not known to be in a block."""
    ours = (CHAIN_TX.c.genesis == genesis) & (CHAIN_TX.c.sender == sender) & (CHAIN_TX.c.nonce < nonce)
    query = select(CHAIN_TX).where(ours, CHAIN_TX.c.state == SIGNED).order_by(CHAIN_TX.c.nonce)
    return [_entry(row) for row in await store.read(query)]


async def spent_gwei(store: Store, genesis: str, sender: str, since_ms: int) -> int:
    """What a sender's transactions since then cost, those under way at their most."""
    ours = (CHAIN_TX.c.genesis == genesis) & (CHAIN_TX.c.sender == sender)
    cost = func.coalesce(func.sum(CHAIN_TX.c.cost_gwei), 0).label("cost")
    rows = await store.read(select(cost).where(ours, CHAIN_TX.c.created_at_ms >= since_ms))
    return int(rows[0]["cost"])


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
        "earlier": entry.earlier,
        "cost_gwei": entry.cost_gwei,
        "sent_at_ms": entry.sent_at_ms,
    }


def _entry(row: dict[str, Any]) -> Entry:
    return Entry(**row)

"""Anchors: checkpoints of the log that stand on a chain, where the log's owner can't take them back.

This is the book of them; settlement.agent writes the chain. A checkpoint is named there by the
keccak-256 of its signed note.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, Self

from sqlalchemy import func, select

from settlement.evidence.checkpoint import Note
from settlement.evidence.log import Head, Log
from settlement.evidence.tables import ANCHOR
from storage.op import Key, Op, Row, Rows, Store


class AnchorState(StrEnum):
    """FAILED: the chain carried the transaction out and refused the anchor."""

    SENT = "sent"
    MINED = "mined"
    FINAL = "final"
    FAILED = "failed"


IDENTITY_METADATA: Final = "identity_metadata"
UNFINISHED: Final = (AnchorState.SENT.value, AnchorState.MINED.value)


@dataclass(frozen=True, slots=True)
class Anchor:
    """One checkpoint on one chain (``genesis``). ``kind`` is the registry's way of holding it."""

    genesis: str
    size: int
    kind: str
    network: str
    registry: str
    agent_id: str
    note: str
    digest: str
    at_ms: int
    attempt: int = 0
    transaction: str = ""
    block: int = 0
    gas_used: int = 0
    fee_wei: int = 0
    state: AnchorState = AnchorState.SENT

    @classmethod
    def from_row(cls, row: Row) -> Self:
        return cls(**{**row, "state": AnchorState(row["state"])})

    @property
    def ref(self) -> str:
        """What its transaction is journaled under."""
        return f"anchor/{self.genesis[2:18]}/{self.size}/{self.attempt}"

    def again(self, at_ms: int) -> Self:
        """The same checkpoint, for another transaction."""
        fresh = replace(self, attempt=self.attempt + 1, at_ms=at_ms, transaction="", block=0)
        return replace(fresh, gas_used=0, fee_wei=0, state=AnchorState.SENT)

    def document(self) -> dict[str, Any]:
        """As the routes and the commands show it."""
        return {
            "kind": self.kind,
            "network": self.network,
            "registry": self.registry,
            "agent_id": self.agent_id,
            "size": self.size,
            "digest": self.digest,
            "transaction": self.transaction or None,
            "block": self.block or None,
            "gas_used": self.gas_used or None,
            "fee_wei": str(self.fee_wei) if self.gas_used else None,
            "state": self.state.value,
        }


def save(anchor: Anchor) -> Op:
    """Insert or replace an anchor."""
    key = Key(ANCHOR.name, (anchor.genesis, anchor.size))
    row: Row = {name: getattr(anchor, name) for name in ANCHOR.columns.keys()}  # noqa: SIM118 - a collection
    row["state"] = anchor.state.value

    def fold(rows: Rows) -> None:
        rows.put(key, row)

    return Op((key,), fold)


@dataclass(frozen=True, slots=True)
class AnchorBook:
    """Reads the anchors of a store's log."""

    store: Store
    log: Log

    async def over(self, index: int, registry: str = "", agent_id: str = "") -> dict[str, Any] | None:
        """The ``anchor`` member of a bundle: the first final anchor that holds the entry with that
        index, and that the agent wrote which its record names; None while there is none.

        ``registry`` is spelled as ERC-8004 names it; "" for a record that names no agent, whose anchor
        may be anyone's who was the server's agent later.
        """
        held = (ANCHOR.c.size > index) & (ANCHOR.c.state == AnchorState.FINAL.value)
        if registry:
            network, _, address = registry.rpartition(":")
            elsewhere = ANCHOR.c.kind != IDENTITY_METADATA
            there = elsewhere | (func.lower(ANCHOR.c.registry) == address.lower())
            held &= (ANCHOR.c.network == network) & (ANCHOR.c.agent_id == agent_id) & there
        rows = await self.store.read(select(ANCHOR).where(held).order_by(ANCHOR.c.size).limit(1))
        if not rows:
            return None
        anchor = Anchor.from_row(rows[0])
        head = Head(anchor.size, Note.parse(anchor.note).checkpoint.root, anchor.note, anchor.at_ms)
        return {
            "kind": anchor.kind,
            "network": anchor.network,
            "registry": anchor.registry,
            "agent_id": anchor.agent_id,
            "digest": anchor.digest,
            "transaction": anchor.transaction,
            "block": anchor.block,
            "inclusion": await self.log.inclusion_under(index, head),
        }

    async def latest(self, genesis: str) -> Anchor | None:
        """The one of the largest tree on a chain, in whatever state."""
        ours = select(ANCHOR).where(ANCHOR.c.genesis == genesis)
        rows = await self.store.read(ours.order_by(ANCHOR.c.size.desc()).limit(1))
        return Anchor.from_row(rows[0]) if rows else None

    async def named(self, digest: str) -> Anchor | None:
        rows = await self.store.read(select(ANCHOR).where(ANCHOR.c.digest == digest).limit(1))
        return Anchor.from_row(rows[0]) if rows else None

    async def unfinished(self, genesis: str) -> Sequence[Anchor]:
        """Those whose end the chain has not told, smallest first."""
        open_ = (ANCHOR.c.genesis == genesis) & ANCHOR.c.state.in_(UNFINISHED)
        rows = await self.store.read(select(ANCHOR).where(open_).order_by(ANCHOR.c.size))
        return [Anchor.from_row(row) for row in rows]

    async def spent_wei(self, genesis: str, since_ms: int) -> int:
        """What anchors have cost since then."""
        recent = (ANCHOR.c.genesis == genesis) & (ANCHOR.c.at_ms >= since_ms)
        total = select(func.coalesce(func.sum(ANCHOR.c.fee_wei), 0).label("total")).where(recent)
        return int((await self.store.read(total))[0]["total"])

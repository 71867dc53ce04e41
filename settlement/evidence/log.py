"""The append-only log of records: reads of its head, proofs and entries (RFC 9162 section 2.1).

An entry is the SHA-256 of a record's payload; its leaf hash is SHA-256(0x00 || entry).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, select, tuple_

from base.errors import InvalidRequest
from settlement.evidence import merkle
from settlement.evidence.checkpoint import LogKey
from settlement.evidence.tables import CHECKPOINT, LOG_ENTRY, LOG_TILE
from settlement.evidence.tiles import Tile, node_of, tile_of
from storage.op import Store

MAX_ENTRIES: Final = 1000


class BadRange(InvalidRequest):
    """A proof or entries were asked of a part of the log that does not exist."""

    resolution = "Ask within the tree size of the latest checkpoint."


@dataclass(frozen=True, slots=True)
class Head:
    """The latest signed checkpoint. ``note`` is None while the log is empty."""

    size: int
    root: bytes
    note: str | None
    at_ms: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A record in the log; ``payload_hash`` is 32 bytes."""

    leaf_index: int
    run_id: str
    payload_hash: bytes


EMPTY: Final = Head(0, merkle.EMPTY_ROOT, None, 0)


@dataclass(frozen=True, slots=True)
class Log:
    """Reads the log of a store. Proofs take O(log n) rows at any size."""

    store: Store
    key: LogKey

    async def head(self) -> Head:
        heads = await self.heads(1)
        return heads[0] if heads else EMPTY

    async def heads(self, most: int) -> Sequence[Head]:
        """The latest signed checkpoints, newest first."""
        statement = select(CHECKPOINT).order_by(CHECKPOINT.c.size.desc()).limit(most)
        return [_head(row) for row in await self.store.read(statement)]

    async def inclusion(self, run_id: str) -> dict[str, Any] | None:
        """The ``inclusion`` member of a bundle, against the latest checkpoint: ``{leaf_index, tree_size,
        leaf_hash, proof, root, checkpoint}``; None while the record has no place in the log."""
        entries = await self.store.read(select(LOG_ENTRY).where(LOG_ENTRY.c.run_id == run_id))
        return await self._included(Entry(**entries[0]), await self.head()) if entries else None

    async def inclusion_at(self, index: int) -> dict[str, Any]:
        """As ``inclusion``, of the entry with that index. Raises BadRange."""
        head = await self.head()
        entries = await self.entries(index, 1) if index < head.size else ()
        if not entries:
            raise BadRange(f"leaf_index should be below {head.size}.", param="leaf_index")
        return await self._included(entries[0], head)

    async def inclusion_under(self, index: int, head: Head) -> dict[str, Any]:
        """As ``inclusion``, of the entry with that index against an earlier checkpoint that holds it."""
        [entry] = await self.entries(index, 1)
        return await self._included(entry, head)

    async def _included(self, entry: Entry, head: Head) -> dict[str, Any]:
        index = entry.leaf_index
        path = await self._proof(lambda node: merkle.inclusion(index, head.size, node))
        leaf = merkle.leaf_hash(entry.payload_hash)
        return {
            "leaf_index": index,
            "tree_size": head.size,
            "leaf_hash": leaf.hex(),
            "proof": [sibling.hex() for sibling in path],
            "root": head.root.hex(),
            "checkpoint": head.note,
        }

    async def consistency(self, first: int, second: int) -> dict[str, Any]:
        """Proof that the tree of ``second`` leaves only adds to that of ``first``: ``{first, second,
        proof, second_root}``. Raises BadRange."""
        head = await self.head()
        if not 0 <= first <= second <= head.size:
            raise BadRange(f"first and second should be 0 <= first <= second <= {head.size}.")
        proof = await self._proof(lambda node: merkle.consistency(first, second, node))
        return {
            "first": first,
            "second": second,
            "proof": [sibling.hex() for sibling in proof],
            "second_root": (await self.root(second)).hex(),
        }

    async def root(self, size: int) -> bytes:
        """The root of the first ``size`` leaves, which must be in the log."""
        [computed] = await self._proof(lambda node: [merkle.root(size, node)])
        return computed

    async def entries(self, start: int, limit: int = MAX_ENTRIES) -> Sequence[Entry]:
        """At most ``limit`` (1,000) entries from ``start`` on."""
        statement = (
            select(LOG_ENTRY)
            .where(LOG_ENTRY.c.leaf_index >= start)
            .order_by(LOG_ENTRY.c.leaf_index)
            .limit(min(limit, MAX_ENTRIES))
        )
        return [Entry(**row) for row in await self.store.read(statement)]

    def document(self) -> dict[str, Any]:
        """The log's name and key, as ``GET /v1/vaas/pubkey/current`` shows them under ``log``."""
        return {
            "origin": self.key.name,
            "verifier_key": self.key.verifier_key(),
            "verify_key_hex": self.key.public_key.hex(),
        }

    async def _proof(self, make: Callable[[merkle.Node], list[bytes]]) -> list[bytes]:
        """Run a proof twice: once to see which tiles it needs, once with them."""
        needed: set[Tile] = set()

        def note(level: int, index: int) -> bytes:
            needed.add(tile_of(level, index))
            return b""

        make(note)
        return make(node_of(await read_tiles(self.store, needed)))


async def size_at(store: Store, at_ms: int) -> int:
    """How many records the log of a store held then."""
    held = select(func.max(CHECKPOINT.c.size).label("size")).where(CHECKPOINT.c.at_ms <= at_ms)
    return (await store.read(held))[0]["size"] or 0


async def read_tiles(store: Store, tiles: Iterable[Tile]) -> Mapping[Tile, bytes]:
    """The hashes of tiles, those that exist."""
    keys = list(tiles)
    if not keys:
        return {}
    statement = select(LOG_TILE).where(tuple_(LOG_TILE.c.level, LOG_TILE.c.idx).in_(keys))
    return {(row["level"], row["idx"]): row["hashes"] for row in await store.read(statement)}


def _head(row: Mapping[str, Any]) -> Head:
    return Head(row["size"], row["root"], row["note"], row["at_ms"])

"""The integrator: gives committed records their places in the log and signs a checkpoint over them.

Entries, tiles and checkpoint are one commit, conditional on the size they were computed for: whatever
dies or runs twice, there is one log and it only grows.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import select

from base.clock import Clock
from base.errors import BatchinError
from base.signer import Signer
from settlement.evidence import merkle
from settlement.evidence.checkpoint import Checkpoint, signed_note
from settlement.evidence.log import read_tiles
from settlement.evidence.tables import LOG_HEAD, LOG_QUEUE
from settlement.evidence.tiles import Tile, edge, grown, node_of, tile_of
from storage.op import Key, Op, Refused, Row, Rows, Store

EVERY_S: Final = 1.0
BATCH: Final = 256  # folding more in one commit would hold the event loop for over 10 ms
MOVED: Final = Refused("moved")
_HEAD: Final = Key("log_head", (1,))
_log = logging.getLogger("batchin.evidence")


class Integrator:
    """Grows the log of a store. ``origin`` names the log on its checkpoints for ever."""

    def __init__(self, store: Store, signer: Signer, origin: str, clock: Clock) -> None:
        self._store = store
        self._signer = signer
        self._origin = origin
        self._clock = clock

    async def run(self) -> None:
        """Integrate once a second, until cancelled. Trouble of the store is waited out."""
        while True:
            try:
                await self.integrate()
            except BatchinError as error:
                _log.warning("the log does not grow: %s", error.message)
            await asyncio.sleep(EVERY_S)

    async def integrate(self) -> int:
        """Integrate what is committed now, up to 256 records a checkpoint; how many they were.

        Raises StorageUnavailable and SignerUnavailable: what waits goes on waiting.
        """
        total = 0
        while True:
            queued = await self._store.read(select(LOG_QUEUE).order_by(LOG_QUEUE.c.id).limit(BATCH))
            if not queued:
                return total
            if isinstance(await self._grow(queued), Refused):
                continue  # somebody else grew the log meanwhile: look again
            total += len(queued)
            if len(queued) < BATCH:
                return total

    async def _grow(self, queued: Sequence[Row]) -> Any:
        size = await self._size()
        leaves = [merkle.leaf_hash(row["payload_hash"]) for row in queued]
        before = await read_tiles(self._store, edge(size))
        changed = grown(size, before, leaves)
        new_size = size + len(leaves)
        needed = await read_tiles(self._store, _of_root(new_size).difference(before, changed))
        root = merkle.root(new_size, node_of({**needed, **before, **changed}))
        checkpoint = {
            "size": new_size,
            "root": root,
            "note": await asyncio.to_thread(
                signed_note, Checkpoint(self._origin, new_size, root), self._signer
            ),
            "at_ms": self._clock.now_ms(),
        }
        return await self._store.commit(_growth(size, queued, changed, checkpoint))

    async def _size(self) -> int:
        rows = await self._store.read(select(LOG_HEAD))
        return int(rows[0]["size"]) if rows else 0


def _of_root(size: int) -> set[Tile]:
    """The tiles that the root of a tree is computed from."""
    needed: set[Tile] = set()

    def note(level: int, index: int) -> bytes:
        needed.add(tile_of(level, index))
        return b""

    merkle.root(size, note)
    return needed


def _growth(size: int, queued: Sequence[Row], changed: dict[Tile, bytes], checkpoint: Row) -> Op:
    """Move the queued records into the log. Refused("moved") when the log or the queue changed."""
    waiting = [Key("log_queue", (row["id"],)) for row in queued]
    tiles = {Key("log_tile", tile): hashes for tile, hashes in changed.items()}

    def fold(rows: Rows) -> Refused | None:
        head = rows.get(_HEAD)
        if (head["size"] if head else 0) != size or any(rows.get(key) is None for key in waiting):
            return MOVED
        for at, (key, row) in enumerate(zip(waiting, queued, strict=True)):
            rows.delete(key)
            entry = {"run_id": row["run_id"], "payload_hash": row["payload_hash"]}
            rows.add("log_entry", {"leaf_index": size + at, **entry})
        for key, hashes in tiles.items():
            level, index = key.pk
            rows.put(key, {"level": level, "idx": index, "hashes": hashes})
        rows.put(_HEAD, {"id": 1, "size": checkpoint["size"]})
        rows.add("checkpoint", checkpoint)
        return None

    return Op(keys=(_HEAD, *waiting, *tiles), fold=fold)

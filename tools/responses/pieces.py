"""What an engine tells of a response in the background, kept as it comes: a stream of it goes on from
there, in whichever process and however often its reader was cut."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from sqlalchemy import select

from base.clock import Clock
from base.sealing import Sealed, Sealer, Unsealable
from runtime.engine import Delta
from storage.op import Key, Op, Refused, Row, Rows, Store
from tools.jobs.batch import Status
from tools.jobs.ops import batch_key
from tools.responses.bells import Bells
from tools.responses.tables import RESPONSE_PIECE

Entry = dict[str, Any] | list[Any]
"""``{"logprobs": whether texts carry theirs}`` where an attempt begins, else one piece: ``[content,
reasoning, tool_calls, logprobs]``."""

GATHER_S: Final = 0.1
_PAGE: Final = 16
_SWEPT: Final = 100


@dataclass(frozen=True, slots=True)
class PieceShelf:
    """Rows of entries, sealed; they go ``ttl_s`` after they came, or with their response."""

    store: Store
    sealer: Sealer
    clock: Clock
    ttl_s: int
    bells: Bells = field(default_factory=Bells)

    async def keep(self, response_id: str, number: int, entries: Sequence[Entry]) -> None:
        """Durable, and told to who listens; nothing where its job has ended. Raises
        StorageUnavailable."""
        sealed = self.sealer.seal(orjson.dumps(entries))
        key, job = Key("response_piece", (response_id, number)), batch_key(response_id)
        row: Row = {
            "response_id": response_id,
            "number": number,
            "salt": sealed.salt,
            "box": sealed.box,
            "expires_at_ms": self.clock.now_ms() + self.ttl_s * 1000,
        }

        def fold(rows: Rows) -> Refused | None:
            made = rows.get(job)
            if made is None or made["status"] != Status.IN_PROGRESS:
                return Refused("ended")
            rows.put(key, row)
            return None

        await self.store.commit(Op((job,), fold, fresh=(key,)))
        self.bells.ring(response_id)

    async def after(self, response_id: str, number: int) -> tuple[int, list[Entry]]:
        """The next entries behind that row, and the number of the last row that they stand in."""
        query = select(RESPONSE_PIECE).where(
            RESPONSE_PIECE.c.response_id == response_id, RESPONSE_PIECE.c.number > number
        )
        rows = await self.store.read(query.order_by(RESPONSE_PIECE.c.number).limit(_PAGE))
        if not rows:
            return number, []
        return rows[-1]["number"], await asyncio.to_thread(self._opened, rows)

    async def all(self, response_id: str) -> tuple[int, list[Entry]]:
        """All that there is now, as ``after`` gives it."""
        last, entries = await self.after(response_id, 0)
        while (more := await self.after(response_id, last))[1]:
            last = more[0]
            entries += more[1]
        return last, entries

    async def delete(self, response_id: str) -> None:
        """Its response was deleted."""
        number = select(RESPONSE_PIECE.c.number).where(RESPONSE_PIECE.c.response_id == response_id)
        while rows := await self.store.read(number.limit(_SWEPT)):
            await self.store.commit(*(_forgotten(response_id, row["number"]) for row in rows))

    async def sweep(self) -> int:
        """Delete what has expired, a part at a time: how many there were."""
        table = RESPONSE_PIECE.c
        due = select(table.response_id, table.number).where(table.expires_at_ms <= self.clock.now_ms())
        rows = await self.store.read(due.limit(_SWEPT))
        if rows:
            await self.store.commit(*(_forgotten(row["response_id"], row["number"]) for row in rows))
        return len(rows)

    def _opened(self, rows: Sequence[Row]) -> list[Entry]:
        """Nothing of a row that the server's secret, changed meanwhile, does not open."""
        entries: list[Entry] = []
        for row in rows:
            with suppress(Unsealable):
                entries += orjson.loads(self.sealer.open(Sealed(row["salt"], row["box"])))
        return entries


class PieceLog:
    """What one attempt tells, gathered for a moment and written in its order. ``end`` it before the
    response is charged, ``close`` it in every case."""

    def __init__(self, shelf: PieceShelf, response_id: str) -> None:
        self._shelf = shelf
        self._response_id = response_id
        self._number = 0
        self._held: list[Entry] = []
        self._writing: asyncio.Task[None] | None = None
        self._ending = asyncio.Event()

    async def open(self) -> Sequence[Entry]:
        """What earlier attempts told."""
        self._number, entries = await self._shelf.all(self._response_id)
        return entries

    def begin(self, *, logprobs: bool) -> None:
        """An engine has begun with the answer, perhaps anew."""
        self._note({"logprobs": logprobs})

    def add(self, delta: Delta) -> None:
        self._note([delta.content, delta.reasoning, list(delta.tool_calls), delta.logprobs])

    async def end(self) -> None:
        """All is durable. Raises StorageUnavailable where it can't be."""
        self._ending.set()
        if self._writing is not None:
            await self._writing

    def close(self) -> None:
        if self._writing is not None:
            self._writing.cancel()

    def _note(self, entry: Entry) -> None:
        self._held.append(entry)
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
            self._writing.add_done_callback(_looked_at)

    async def _write(self) -> None:
        while self._held:
            with suppress(TimeoutError):
                async with asyncio.timeout(GATHER_S):
                    await self._ending.wait()
            held, self._held = self._held, []
            self._number += 1
            await self._shelf.keep(self._response_id, self._number, held)
        self._writing = None


def _looked_at(writing: asyncio.Task[None]) -> None:
    """What went wrong is told by ``end``; of an attempt that was given up nobody asks."""
    if not writing.cancelled():
        writing.exception()


def _forgotten(response_id: str, number: int) -> Op:
    key = Key("response_piece", (response_id, number))
    return Op((key,), lambda rows: rows.delete(key))

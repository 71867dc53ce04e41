"""Files of callers: upload, find, read, delete. For everybody but its owner a file is not there."""

import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select

from base.clock import Clock
from base.errors import BatchinError, NotFound, PayloadTooLarge
from base.sealing import Sealer, new_salt
from settlement.idempotency.book import KeyBook
from storage.op import Op, Refused, Store
from tools.files import ops
from tools.files.file import INLINE, File, Page, file_of
from tools.files.objects import Objects
from tools.files.sealed import SealedWriter, read_sealed
from tools.files.tables import FILE
from tools.files.upload import Meter, Upload, storage_failures

LIST_LIMIT: Final = 10_000
_ID: Final = re.compile(r"file_(video_)?[0-9a-f]{32}")
_SWEPT_AT_ONCE: Final = 256
_logger: Final = logging.getLogger("batchin.files")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file and one account may be at most; how long a file lives that does not say."""

    file_bytes: int
    space: ops.Space
    life_s: int


class Files:
    """``limits`` hold for each account; uploads that still run count too."""

    def __init__(
        self,
        store: Store,
        objects: Objects,
        sealer: Sealer,
        clock: Clock,
        limits: Limits,
        keys: KeyBook,
    ) -> None:
        self._keys = keys
        self._store = store
        self._objects = objects
        self._sealer = sealer
        self._clock = clock
        self._limits = limits
        self._arriving: dict[str, int] = {}

    @asynccontextmanager
    async def upload(self, account_id: str) -> AsyncIterator[Upload]:
        """Take a new file in: write to it, then ``finish``; what is not finished is dropped.

        Raises PayloadTooLarge, ServiceUnavailable when there is no room on the disk.
        """

        def meter(size: int, more: int) -> None:
            self.arrived(account_id, size, more)

        async with self._begun(account_id, meter) as upload:
            try:
                yield upload
            finally:
                self.departed(account_id, upload.size)

    @asynccontextmanager
    async def making(self, account_id: str) -> AsyncIterator[Upload]:
        """A file that the server itself writes for an account: no limit of uploads holds for it."""
        async with self._begun(account_id, _unmetered) as upload:
            yield upload

    @asynccontextmanager
    async def _begun(self, account_id: str, meter: Meter) -> AsyncIterator[Upload]:
        salt = new_salt()
        with storage_failures():
            writer = SealedWriter(await self._objects.create(), self._sealer.pieces(salt))
        upload = Upload(self, account_id, salt, writer, meter)
        try:
            yield upload
        finally:
            if not upload.finished:
                await writer.discard()

    async def get(self, account_id: str, file_id: str) -> File:
        """Raises NotFound, the same for a file of somebody else."""
        if not _ID.fullmatch(file_id):
            raise _not_found()
        query = select(FILE).where(
            FILE.c.id == file_id,
            FILE.c.account_id == account_id,
            FILE.c.gone_at_ms > self._clock.now_ms(),
        )
        rows = await self._store.read(query)
        if not rows:
            raise _not_found()
        return file_of(rows[0])

    async def page(
        self, account_id: str, *, purpose: str | None, after: str | None, limit: int, newest_first: bool
    ) -> Page:
        """The files of an account behind the one with the id ``after``."""
        query = select(FILE).where(
            FILE.c.account_id == account_id,
            FILE.c.gone_at_ms > self._clock.now_ms(),
            FILE.c.purpose != INLINE,
        )
        if purpose is not None:
            query = query.where(FILE.c.purpose == purpose)
        if after is not None:
            query = query.where(FILE.c.id < after if newest_first else FILE.c.id > after)
        order = FILE.c.id.desc() if newest_first else FILE.c.id.asc()
        rows = await self._store.read(query.order_by(order).limit(limit + 1))
        return Page([file_of(row) for row in rows[:limit]], len(rows) > limit)

    def content(self, file: File, start: int, end: int) -> AsyncIterator[bytes]:
        """Bytes ``start`` up to ``end`` (exclusive). Raises OSError, Unsealable."""
        pieces = self._sealer.pieces(file.salt)
        return read_sealed(self._objects, file.object, pieces, file.size, start, end)

    async def delete(self, account_id: str, file_id: str) -> None:
        """Gone at once for its owner; its bytes go as soon as no job reads them. Raises NotFound."""
        now_ms = self._clock.now_ms()
        answer = await self._store.commit(ops.let_go(file_id, account_id, now_ms))
        if isinstance(answer, Refused):
            raise _not_found()
        if answer[0] == 0:
            await self._remove(file_id, account_id)

    async def sweep(self) -> int:
        """Remove what is gone, row and bytes; how many there were."""
        now_ms = self._clock.now_ms()
        query = select(FILE.c.id, FILE.c.account_id).where(FILE.c.gone_at_ms <= now_ms, FILE.c.pins == 0)
        removed = 0
        while rows := await self._store.read(query.limit(_SWEPT_AT_ONCE)):
            before = removed
            for row in rows:
                removed += await self._remove(row["id"], row["account_id"])
            if removed == before:
                break
        return removed

    async def sweep_strays(self, before_s: float) -> int:
        """Remove objects that no row names, of uploads that a crash cut; how many there were.

        ``before_s`` is when this process started, the only one that writes here.
        """
        await self._objects.clear_incoming(before_s)
        removed = 0
        async for names in self._objects.names(before_s):
            rows = await self._store.read(select(FILE.c.object).where(FILE.c.object.in_(names)))
            for name in set(names) - {row["object"] for row in rows}:
                await self._objects.delete(name)
                removed += 1
        return removed

    def arrived(self, account_id: str, size: int, more: int) -> None:
        """Count bytes of an upload that runs. Raises PayloadTooLarge past what is allowed."""
        if size > self._limits.file_bytes:
            raise PayloadTooLarge(
                f"The file is larger than {self._limits.file_bytes} bytes.",
                param="file",
                resolution=f"Split it into files of at most {self._limits.file_bytes} bytes.",
            )
        arriving = self._arriving.get(account_id, 0) + more
        if arriving > self._limits.space.bytes:
            raise _no_space(self._limits.space, "too_much")
        self._arriving[account_id] = arriving

    def departed(self, account_id: str, size: int) -> None:
        """An upload has ended."""
        left = self._arriving.pop(account_id, 0) - size
        if left > 0:
            self._arriving[account_id] = left

    async def pinned(self, file_id: str) -> File:
        """A file that a job reads, whether its owner still has it or not. Raises NotFound."""
        rows = await self._store.read(select(FILE).where(FILE.c.id == file_id))
        if not rows:
            raise _not_found()
        return file_of(rows[0])

    def addition(self, file: File, pins: int = 0, space: ops.Space | None = None) -> Op:
        """The operation that keeps a file whose bytes are durable; in the account's own space, unless
        another is given."""
        row = {name: getattr(file, name) for name in File.__slots__}
        return ops.add({**row, "pins": pins}, space or self._limits.space)

    async def discard(self, file: File) -> None:
        """Drop the bytes of a file that was written and never kept."""
        await self._drop(file.object)

    async def keep(self, file: File, key: str | None = None) -> File:
        """The file; under an idempotency key that was used for the same one before, the first.

        Raises PayloadTooLarge when the account's space is used up, Conflict, IdempotencyMismatch, and
        NotFound when the first is gone.
        """
        life_ms = file.gone_at_ms - file.created_at_ms
        told = f"file|{file.filename}|{file.purpose}|{life_ms}|{file.sha256.hex()}"
        once = self._keys.once(file.account_id, key, told, file.id)
        answer = await self._store.commit(*once, self.addition(file))
        if not isinstance(answer, Refused):
            return file
        await self.discard(file)
        first = self._keys.before(answer)
        if first is not None:
            return await self._first(file.account_id, first)
        raise _no_space(self._limits.space, answer.code)

    async def _first(self, account_id: str, file_id: str) -> File:
        try:
            return await self.get(account_id, file_id)
        except NotFound:
            raise NotFound(
                "The file that was uploaded under this Idempotency-Key is gone.",
                param="Idempotency-Key",
                resolution="Use a new Idempotency-Key to upload it again.",
            ) from None

    def life_s(self, asked_s: int | None) -> int:
        return self._limits.life_s if asked_s is None else asked_s

    @property
    def clock(self) -> Clock:
        return self._clock

    async def _remove(self, file_id: str, account_id: str) -> int:
        answer = await self._store.commit(ops.remove(file_id, account_id, self._clock.now_ms()))
        if isinstance(answer, Refused):
            return 0
        await self._drop(answer[0])
        return 1

    async def _drop(self, name: str) -> None:
        try:
            await self._objects.delete(name)
        except OSError as error:  # found again as a stray at the next start
            _logger.warning("an object can't be deleted: %s", error.strerror)


def _unmetered(_size: int, _more: int) -> None:
    """Nothing is counted."""


def _no_space(space: ops.Space, code: str) -> BatchinError:
    most = f"{space.files} files" if code == "too_many" else f"{space.bytes} bytes"
    return PayloadTooLarge(
        f"An account keeps at most {most}.",
        param="file",
        resolution="Delete files that are no longer needed (DELETE /v1/files/{id}).",
    )


def _not_found() -> NotFound:
    return NotFound("File not found", param="id", resolution="Verify file id.")

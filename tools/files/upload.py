"""A file on its way in."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from base.clock import Clock
from base.errors import ServiceUnavailable
from base.ids import new_id
from tools.files.file import File
from tools.files.form import clean_name
from tools.files.sealed import SealedWriter

_logger: Final = logging.getLogger("batchin.files")

Meter = Callable[[int, int], None]
"""Told the size of an upload and how much of it is new. Raises PayloadTooLarge."""


class Keeper(Protocol):
    """Where a file goes that has arrived."""

    @property
    def clock(self) -> Clock: ...

    def life_s(self, asked_s: int | None) -> int:
        """How long a file lives that asks for this."""

    async def keep(self, file: File, key: str | None = None) -> File:
        """The file, kept durably; once under an idempotency key."""


class Upload:
    """A file on its way in."""

    def __init__(
        self, files: Keeper, account_id: str, salt: bytes, writer: SealedWriter, meter: Meter
    ) -> None:
        self._meter = meter
        self._files = files
        self._account_id = account_id
        self._salt = salt
        self._writer = writer
        self.finished = False

    @property
    def size(self) -> int:
        return self._writer.size

    async def write(self, data: bytes) -> None:
        """Raises PayloadTooLarge, ServiceUnavailable."""
        self._meter(self._writer.size + len(data), len(data))
        with storage_failures():
            await self._writer.write(data)

    async def finish(
        self, filename: str, purpose: str, life_s: int | None = None, key: str | None = None
    ) -> File:
        """The file, kept durably; once under an idempotency key. Raises as ``Files.keep`` does, and
        ServiceUnavailable."""
        file = await self.written(filename, purpose, life_s)
        return await self._files.keep(file, key)

    async def written(
        self, filename: str, purpose: str, life_s: int | None = None, file_id: str | None = None
    ) -> File:
        """The file whose bytes are durable and that no row names yet; ``file_id`` where it was told
        before."""
        with storage_failures():
            name = await self._writer.finish()
        self.finished = True
        now_ms = self._files.clock.now_ms()
        return File(
            id=file_id or new_id("file"),
            account_id=self._account_id,
            purpose=purpose,
            filename=clean_name(filename),
            size=self._writer.size,
            sha256=self._writer.sha256,
            object=name,
            salt=self._salt,
            created_at_ms=now_ms,
            gone_at_ms=now_ms + self._files.life_s(life_s) * 1000,
        )


@contextmanager
def storage_failures() -> Iterator[None]:
    """A storage that can't take bytes is the server's trouble, told without its paths."""
    try:
        yield
    except OSError as error:
        _logger.error("files can't be stored: %s", error.strerror)
        raise ServiceUnavailable(
            "The server has no room for this file now.",
            resolution="Nothing was stored. Retry later; the operator finds the cause in the log.",
        ) from None

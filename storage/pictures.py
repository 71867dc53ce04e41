"""Pictures that wait under a link: files that only the link opens, and that expire."""

import asyncio
import contextlib
import hashlib
import os
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from base.clock import Clock
from base.sealing import Sealed, Sealer, Unsealable

_NAME_BYTES: Final = 24
_SALT_BYTES: Final = 32
_SWEEP_MS: Final = 60_000


class PictureFolder:
    """A folder of sealed files. A file's name is the hash of the picture's name and its key comes from
    that name, so who reads the folder learns neither: the link is the only key."""

    def __init__(self, folder: Path, ttl_s: int, clock: Clock) -> None:
        self._folder = folder
        self._ttl_ms = ttl_s * 1000
        self._clock = clock
        self._swept_at_ms = 0

    async def save(self, data: bytes) -> str:
        """Keep a picture; returns its name, 32 characters of A-Z a-z 0-9 _ - that nobody can guess."""
        name = secrets.token_urlsafe(_NAME_BYTES)
        await asyncio.to_thread(self._write, name, data)
        if self._clock.now_ms() - self._swept_at_ms > _SWEEP_MS:
            await self.sweep()
        return name

    async def read(self, name: str) -> bytes | None:
        """The picture of that name; None for what was never there or has expired."""
        return await asyncio.to_thread(self._read, name)

    async def sweep(self) -> int:
        """Remove what has expired; returns how many."""
        self._swept_at_ms = self._clock.now_ms()
        return await asyncio.to_thread(self._remove_expired)

    def _write(self, name: str, data: bytes) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        sealed = Sealer(name.encode()).seal(data)
        handle, draft = tempfile.mkstemp(dir=self._folder, prefix=".draft-")
        with os.fdopen(handle, "wb") as file:
            file.write(sealed.salt + sealed.box)
        now_s = self._clock.now_ms() / 1000
        os.utime(draft, (now_s, now_s))
        Path(draft).replace(self._path(name))

    def _read(self, name: str) -> bytes | None:
        path = self._path(name)
        try:
            if self._expired(path):
                return None
            kept = path.read_bytes()
            return Sealer(name.encode()).open(Sealed(kept[:_SALT_BYTES], kept[_SALT_BYTES:]))
        except (OSError, Unsealable):
            return None

    def _remove_expired(self) -> int:
        gone = 0
        for path in self._files():
            with contextlib.suppress(OSError):
                if self._expired(path):
                    path.unlink()
                    gone += 1
        return gone

    def _files(self) -> Iterator[Path]:
        yield from self._folder.glob("*") if self._folder.is_dir() else ()

    def _expired(self, path: Path) -> bool:
        return self._clock.now_ms() - path.stat().st_mtime * 1000 > self._ttl_ms

    def _path(self, name: str) -> Path:
        return self._folder / hashlib.sha256(name.encode()).hexdigest()

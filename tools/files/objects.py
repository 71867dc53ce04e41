"""The object storage: bytes under a name that follows from them. On disk by default."""

import asyncio
import hashlib
import os
import secrets
from collections.abc import AsyncIterator, Iterator
from itertools import islice
from pathlib import Path
from typing import Final, Protocol

_INCOMING: Final = "incoming"
_AT_ONCE: Final = 512


class ObjectWriter(Protocol):
    """One object on its way in: ``write`` its bytes, then ``finish`` it or ``discard`` it."""

    async def write(self, data: bytes) -> None: ...

    async def finish(self) -> str:
        """Its name: the SHA-256 of its bytes in hex. It is durable when this returns."""
        ...

    async def discard(self) -> None: ...


class Objects(Protocol):
    """Where objects are kept. Every method raises OSError when the storage fails."""

    async def create(self) -> ObjectWriter: ...

    async def read(self, name: str, offset: int, length: int) -> bytes:
        """At most ``length`` bytes from ``offset`` on."""
        ...

    async def delete(self, name: str) -> None:
        """An object that is not there is no error."""
        ...

    def names(self, before_s: float) -> AsyncIterator[list[str]]:
        """All objects that were finished before a time (Unix seconds), some at once."""
        ...

    async def clear_incoming(self, before_s: float) -> None:
        """Remove what was begun before a time and never finished."""
        ...


class DiskObjects:
    """Files of mode 0600 below a folder of mode 0700, two levels deep by the first two hex digits.

    An object is written aside, synced and then renamed: it is there whole or not at all.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    async def create(self) -> "DiskWriter":
        return await asyncio.to_thread(DiskWriter, self._root)

    async def read(self, name: str, offset: int, length: int) -> bytes:
        return await asyncio.to_thread(_read, self._path(name), offset, length)

    async def delete(self, name: str) -> None:
        await asyncio.to_thread(self._path(name).unlink, missing_ok=True)

    async def names(self, before_s: float) -> AsyncIterator[list[str]]:
        found = self._names(before_s)
        while some := await asyncio.to_thread(lambda: list(islice(found, _AT_ONCE))):
            yield some

    async def clear_incoming(self, before_s: float) -> None:
        await asyncio.to_thread(_clear, self._root / _INCOMING, before_s)

    def _names(self, before_s: float) -> Iterator[str]:
        for folder in self._root.glob("[0-9a-f][0-9a-f]"):
            for path in folder.iterdir():
                if path.stat().st_mtime < before_s:
                    yield path.name

    def _path(self, name: str) -> Path:
        return _path(self._root, name)


class DiskWriter:
    """An object being written in ``incoming/``."""

    def __init__(self, root: Path) -> None:
        self._root = root
        folder = root / _INCOMING
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._draft = folder / secrets.token_hex(16)
        self._hash = hashlib.sha256()
        handle = os.open(self._draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._file = os.fdopen(handle, "wb", buffering=0)

    async def write(self, data: bytes) -> None:
        await asyncio.to_thread(self._write, data)

    async def finish(self) -> str:
        return await asyncio.to_thread(self._finish)

    async def discard(self) -> None:
        await asyncio.to_thread(self._discard)

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]
        self._hash.update(data)

    def _finish(self) -> str:
        os.fsync(self._file.fileno())
        self._file.close()
        name = self._hash.hexdigest()
        path = _path(self._root, name)
        made = not path.parent.exists()
        path.parent.mkdir(mode=0o700, exist_ok=True)
        self._draft.rename(path)
        _sync(path.parent)
        if made:
            _sync(self._root)
        return name

    def _discard(self) -> None:
        self._file.close()
        self._draft.unlink(missing_ok=True)


def _path(root: Path, name: str) -> Path:
    return root / name[:2] / name


def _read(path: Path, offset: int, length: int) -> bytes:
    with path.open("rb", buffering=0) as file:
        file.seek(offset)
        return file.read(length)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _clear(folder: Path, before_s: float) -> None:
    if not folder.exists():
        return
    for path in folder.iterdir():
        if path.stat().st_mtime < before_s:
            path.unlink(missing_ok=True)

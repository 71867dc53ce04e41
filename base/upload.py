"""A file that came with a request."""

import contextlib
import fcntl
import hashlib
import os
import stat
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

_PREFIX: Final = "batchin-upload-"
_YOUNG_S: Final = 60.0
_LOOK: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Upload:
    """A file of ``size`` bytes at ``path``, which goes away with this value, and its ``sha256:<hex>``,
    which stands for it in hashes of requests."""

    path: Path = field(compare=False)
    size: int
    sha256: str
    kept: Any = field(compare=False, repr=False)

    @property
    def data(self) -> bytes:
        """The bytes, read from the disk."""
        return self.path.read_bytes()

    @classmethod
    def of(cls, data: bytes) -> "Upload":
        """Writes and hashes the bytes."""
        writer = UploadWriter()
        writer.write(data)
        return writer.end()


class UploadWriter:
    """Takes a file as it arrives, into the folder of temporary files (``TMPDIR``). Its methods block.

    The file is locked as long as this process lives and needs it: see ``sweep_uploads``.
    """

    def __init__(self) -> None:
        self._file = tempfile.NamedTemporaryFile(prefix=_PREFIX)  # noqa: SIM115 - see Upload.kept
        fcntl.flock(self._file, fcntl.LOCK_SH)
        self._digest = hashlib.sha256()
        self._size = 0

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self._digest.update(data)
        self._size += len(data)

    def end(self) -> Upload:
        self._file.flush()
        sha256 = "sha256:" + self._digest.hexdigest()
        return Upload(Path(self._file.name), self._size, sha256, self._file)


def sweep_uploads(folder: Path | None = None) -> int:
    """Remove what processes that were killed left of their uploads: how many files there were.

    A file of a process that lives is locked, or younger than a minute. Blocks.
    """
    left = 0
    for path in (folder or Path(tempfile.gettempdir())).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            left += _removed(path)
    return left


def _removed(path: Path) -> bool:
    """Raises OSError, BlockingIOError for a file that is in use."""
    handle = os.open(path, _LOOK)
    try:
        found = os.fstat(handle)
        ours = stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()
        if not ours or time.time() - found.st_mtime < _YOUNG_S:
            return False
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
        return True
    finally:
        os.close(handle)

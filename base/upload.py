"""A file that came with a request."""

import hashlib
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


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
    """Takes a file as it arrives, into the folder of temporary files (``TMPDIR``). Its methods block."""

    def __init__(self) -> None:
        self._file = tempfile.NamedTemporaryFile(prefix="batchin-upload-")  # noqa: SIM115 - see Upload.kept
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

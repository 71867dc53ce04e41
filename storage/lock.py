"""The lock of a data dir: one process at a time writes what is in it."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self


class DataDirError(Exception):
    """A data dir that can't be used; the message names it and what to do."""


class DataDirLocked(DataDirError):
    """Another process holds the data dir; the message names the process and what to do."""


class DataDirLock:
    """Holds ``data_dir/lock`` (flock) while in its ``with`` block; a process that dies lets go of it.

    Makes the data dir (mode 0700) when there is none. ``what`` tells others who holds it. Raises
    DataDirLocked when another process does, DataDirError when the folder can't be made or written.
    """

    def __init__(self, data_dir: Path, what: str = "batchin") -> None:
        self._data_dir = data_dir
        self._what = what
        self._file = -1

    def __enter__(self) -> Self:
        try:
            self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = os.open(self._data_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise self._unusable(error) from error
        try:
            self._take()
        except BaseException:
            os.close(self._file)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.ftruncate(self._file, 0)
        os.close(self._file)

    def _take(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, f"{os.getpid()} {self._what}\n".encode(), 0)
        except BlockingIOError:
            raise DataDirLocked(self._held()) from None
        except OSError as error:
            raise self._unusable(error) from error

    def _held(self) -> str:
        pid, _, what = os.pread(self._file, 256, 0).decode(errors="replace").strip().partition(" ")
        holder = f"{what or 'batchin'} (process {pid})" if pid else "another process"
        return (
            f"The data dir {self._data_dir} is in use by {holder}. "
            "Stop it first, or choose another folder with --data-dir."
        )

    def _unusable(self, error: OSError) -> DataDirError:
        return DataDirError(
            f"The data dir {self._data_dir} can't be used: {error.strerror}. "
            "Make it writable, or choose another folder with --data-dir."
        )

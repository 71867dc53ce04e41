"""Unix socket paths of any length: AF_UNIX takes 103 bytes on macOS and 107 on Linux."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MOST_BYTES = 100


@contextmanager
def short_path(path: Path) -> Iterator[str]:
    """A spelling of ``path`` that bind and connect take: the path itself, or one through a symbolic link
    to its folder, which lives as long as the context."""
    plain = os.fspath(path)
    if len(os.fsencode(plain)) <= _MOST_BYTES:
        yield plain
        return
    with tempfile.TemporaryDirectory(prefix="batchin-", dir=_short_folder()) as folder:
        link = Path(folder, "d")
        link.symlink_to(path.parent.absolute(), target_is_directory=True)
        yield os.fspath(link / path.name)


def _short_folder() -> str | None:
    """The system's folder of temporary files unless its own name is too long."""
    return None if len(tempfile.gettempdir()) <= _MOST_BYTES // 2 else "/tmp"  # noqa: S108 - mkdtemp is private

"""The one task of a video, out of its sealed input."""

import asyncio
import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

import orjson

from base.upload import Upload
from tools.files.files import File, Files
from tools.jobs.batch import VIDEOS, Batch
from tools.jobs.lines import BadLine, Task
from tools.jobs.parts import JobParts

TOOL: Final = "video"


@dataclass(frozen=True, slots=True)
class Alone:
    """Implements tools.jobs.parts.Source."""

    files: Files
    file: File

    async def tasks(self) -> AsyncIterator[Task | BadLine]:
        """Raises OSError, Unsealable."""
        pieces = [piece async for piece in self.files.content(self.file, 0, self.file.size)]
        arguments = await asyncio.to_thread(_opened, b"".join(pieces))
        yield Task(1, arguments["id"], VIDEOS, TOOL, arguments)


def _opened(wish: bytes) -> dict[str, Any]:
    arguments: dict[str, Any] = orjson.loads(wish)
    picture = arguments["picture"]
    return {**arguments, "picture": Upload.of(base64.b64decode(picture)) if picture else None}


async def source_of(parts: JobParts, batch: Batch) -> Alone:
    """Raises NotFound, StorageUnavailable."""
    return Alone(parts.files, await parts.files.pinned(batch.input_file_id))

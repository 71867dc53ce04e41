"""The one task of a job of one call, out of its sealed input."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from tools.files.file import File
from tools.files.files import Files
from tools.jobs.batch import Batch
from tools.jobs.lines import BadLine, Task
from tools.jobs.parts import JobParts

Read = Callable[[bytes], dict[str, Any]]
"""The arguments of the task, with its ``id``, out of what was kept; it may block."""


@dataclass(frozen=True, slots=True)
class Alone:
    """Implements tools.jobs.parts.Source."""

    files: Files
    file: File
    endpoint: str
    tool: str
    read: Read

    async def tasks(self) -> AsyncIterator[Task | BadLine]:
        """Raises OSError, Unsealable."""
        pieces = [piece async for piece in self.files.content(self.file, 0, self.file.size)]
        arguments = await asyncio.to_thread(self.read, b"".join(pieces))
        yield Task(1, arguments["id"], self.endpoint, self.tool, arguments)


def alone(endpoint: str, tool: str, read: Read) -> Callable[[JobParts, Batch], Awaitable[Alone]]:
    """Where the tasks of such jobs come from: ``source`` of tools.jobs.worker.Kind."""

    async def source(parts: JobParts, job: Batch) -> Alone:
        """Raises NotFound, StorageUnavailable."""
        file = await parts.files.pinned(job.input_file_id)
        return Alone(parts.files, file, endpoint, tool, read)

    return source

"""Looks through a batch's input before it runs: how many tasks, what they may cost, what is wrong."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Final

from base.errors import BatchinError, InvalidRequest
from base.pricing import Rate
from tools.files.file import File
from tools.files.files import Files
from tools.jobs.lines import BadLine, LineReader, Task, lines_of
from tools.jobs.outcome import line_error
from tools.jobs.parts import Quoting, Source
from tools.jobs.seen import Seen, Twice, digest_of

_LISTED: Final = 50
_AT_ONCE: Final = 64
_LEAST_LINE_BYTES: Final = 100


@dataclass(slots=True)
class Findings:
    """``most_nano_usd`` is the most that all good tasks may cost together."""

    tasks: int = 0
    most_nano_usd: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)

    def wrong(self, number: int, error: BatchinError) -> None:
        if len(self.errors) < _LISTED:
            self.errors.append(line_error(number, error))


class Input:
    """The lines of one input file, in their order; the second of two equal custom ids is a bad line."""

    def __init__(self, files: Files, file: File, reader: LineReader) -> None:
        self._files = files
        self._file = file
        self._reader = reader
        self._suspected: set[bytes] | None = None

    async def tasks(self) -> AsyncIterator[Task | BadLine]:
        """Raises OSError, Unsealable."""
        if self._suspected is None:
            self._suspected = await self._suspects()
        twice = Twice(self._suspected)
        async for task in self._read():
            if task.custom_id is not None and twice.again(task.custom_id):
                yield BadLine(task.number, task.custom_id, _DUPLICATE)
            else:
                yield task

    async def _suspects(self) -> set[bytes]:
        """Digests of the custom ids that may stand twice."""
        seen = Seen(self._file.size // _LEAST_LINE_BYTES)
        return {
            digest_of(task.custom_id)
            async for task in self._read()
            if task.custom_id is not None and seen.add(task.custom_id)
        }

    async def _read(self) -> AsyncIterator[Task | BadLine]:
        count = 0
        async for number, line in lines_of(self._files.content(self._file, 0, self._file.size)):
            yield self._reader.read(number, line)
            count += 1
            if count % _AT_ONCE == 0:
                await asyncio.sleep(0)


async def look_through(source: Source, quote: Quoting, rate: Rate, most_tasks: int) -> Findings:
    """Raises InvalidRequest for an input without a task or with more than ``most_tasks``."""
    found = Findings()
    async for task in source.tasks():
        found.tasks += 1
        if found.tasks > most_tasks:
            raise InvalidRequest(
                f"A batch has at most {most_tasks} tasks.",
                param="input_file_id",
                resolution="Split it into smaller batches.",
            )
        if isinstance(task, BadLine):
            found.wrong(task.number, task.error)
            continue
        try:
            found.most_nano_usd += (await quote(task)).at_rate(rate).max_nano_usd
        except BatchinError as error:
            found.wrong(task.number, error)
    if not found.tasks:
        raise InvalidRequest(
            "The input holds no task.",
            param="input_file_id",
            resolution="Send one JSON object a line.",
        )
    return found


_DUPLICATE: Final = InvalidRequest(
    "An earlier line has the same custom_id.",
    param="custom_id",
    resolution="Give each task a custom_id of its own.",
)

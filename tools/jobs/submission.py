"""The run of a call that hands in a job: its input is written, and kept by the commit that charges."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from base.usage import Usage
from settlement.evidence.hashes import request_hash
from settlement.rail import Also, Served, nothing
from storage.op import Op
from tools.core import Call, Result
from tools.files.file import INLINE, File
from tools.immediate import NOWHERE
from tools.jobs.accept import accepted, check_open
from tools.jobs.batch import Batch
from tools.jobs.parts import JobParts


@dataclass(frozen=True, slots=True)
class HandedIn:
    """A job as it was asked for: as it is kept, as its owner is shown it, its input with the name of the
    file, and what else is kept with it."""

    job: Batch
    shown: Mapping[str, Any]
    input: Iterable[bytes]
    name: str
    also: Also = nothing


class Submission:
    """Implements tools.core.Execution. ``hand_in`` makes the job, ``wake`` tells its worker that one is
    about to be durable."""

    def __init__(
        self,
        parts: JobParts,
        call: Call,
        hand_in: Callable[[], Awaitable[HandedIn]],
        wake: Callable[[], None],
    ) -> None:
        self._parts = parts
        self._call = call
        self._hand_in = hand_in
        self._wake = wake
        self._handed: HandedIn | None = None
        self._file: File | None = None

    def reserve(self) -> None:
        """Nothing to wait for."""

    async def start(self) -> Served:
        await check_open(self._parts, self._call.caller)
        handed = self._handed = await self._hand_in()
        async with self._parts.files.making("") as upload:
            for piece in handed.input:
                await upload.write(piece)
            self._file = await upload.written(handed.name, INLINE)
        return NOWHERE

    async def events(self) -> AsyncIterator[Any]:
        return
        yield

    def result(self) -> Result:
        if self._handed is None:
            return Result({}, Usage(), request_hash({}))
        named = request_hash({"id": self._handed.job.id})
        return Result(self._handed.shown, Usage(), named, also=self._also)

    async def close(self) -> None:
        """An input that no commit kept is a stray: the next start removes it."""

    def _also(self, account_id: str) -> Sequence[Op]:
        handed, file = self._handed, self._file
        if handed is None or file is None:
            return ()
        self._wake()
        kept = accepted(self._parts, handed.job, file, self._call.caller, account_id)
        return (*kept, *handed.also(account_id))

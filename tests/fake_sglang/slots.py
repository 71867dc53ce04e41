"""Who runs, who waits, who is turned away: SGLang's scheduler, as far as its clients see it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


class QueueFull(Exception):
    """As many wait as may."""


class DuplicateId(Exception):
    """A request of this id is on."""


@dataclass(eq=False)
class Job:
    """A request that runs or waits; the higher its priority, the earlier its turn."""

    rid: str
    priority: int
    turn: asyncio.Event = field(default_factory=asyncio.Event)
    aborted: bool = False


class Slots:
    """``running_max`` at once, ``queue_max`` in the queue."""

    def __init__(self, running_max: int, queue_max: int) -> None:
        self.running: list[Job] = []
        self.waiting: list[Job] = []
        self._running_max = running_max
        self._queue_max = queue_max

    @asynccontextmanager
    async def slot(self, rid: str, priority: int) -> AsyncIterator[Job]:
        """Waits for its turn. Raises QueueFull and DuplicateId."""
        if any(job.rid == rid for job in (*self.running, *self.waiting)):
            raise DuplicateId
        job = Job(rid, priority)
        free = len(self.running) < self._running_max and not self.waiting
        if not free and len(self.waiting) >= self._queue_max:
            raise QueueFull
        self.waiting.append(job)
        self._advance()
        try:
            await job.turn.wait()
            yield job
        finally:
            self._remove(job)

    def abort(self, rid: str) -> None:
        """Only ids that are known are aborted, and then all that begin with it."""
        jobs = (*self.running, *self.waiting)
        if any(job.rid == rid for job in jobs):
            for job in jobs:
                if job.rid.startswith(rid):
                    job.aborted = True
                    job.turn.set()

    def _advance(self) -> None:
        self.waiting.sort(key=lambda job: -job.priority)
        while self.waiting and len(self.running) < self._running_max:
            job = self.waiting.pop(0)
            self.running.append(job)
            job.turn.set()

    def _remove(self, job: Job) -> None:
        for jobs in (self.running, self.waiting):
            if job in jobs:
                jobs.remove(job)
        self._advance()

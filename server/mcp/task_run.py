"""One call that may go on without its request: as soon as it takes long, it becomes a task."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from mcp.shared.exceptions import MCPError

from base.clock import Clock
from base.errors import BatchinError
from server.mcp.attempt import Attempt, Challenged
from server.mcp.results import Result, failed, followed
from settlement.rail import Delivery
from tools.core import AnyTool, Call
from tools.invoke import Invoker
from tools.tasks.book import TaskBook
from tools.tasks.stored import stored
from tools.tasks.task import Ended, Status, Task

_TELL_EVERY_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client asked for: a tool, its call and arguments, and how it is shown a challenge."""

    tool: AnyTool
    call: Call
    arguments: Mapping[str, Any]
    challenged: Challenged


class TaskRun:
    """``task`` is its row's id once it is a task; ``wanted`` is set when it should be one without any
    further wait; ``work`` is its asyncio task, which ends with how the call ended, and the job that it
    began. ``begun`` is the result of a call that was charged before: its job alone is followed."""

    def __init__(
        self,
        asked: Asked,
        invoker: Invoker,
        book: TaskBook,
        task: str | None = None,
        begun: Result | None = None,
    ) -> None:
        call = replace(asked.call, delivery=Delivery.WHOLE, ask=self._ask)
        self._asked = asked
        self._book = book
        self._clock: Clock = invoker.clock
        self._attempt = Attempt(invoker, asked.tool, call, asked.challenged)
        self._lock = asyncio.Lock()
        self._is_task = asyncio.Event()
        self._look = asyncio.Event()
        self._output: bytes | None = None
        self._begun = begun
        self._job: Mapping[str, Any] | None = None
        self._ended: Ended | None = None
        self._stopping = False
        self._told_s = 0.0
        self.task = task
        if task is not None:
            self._is_task.set()
        self.wanted = self._attempt.begun if asked.tool.task_only else asyncio.Event()
        self.work = asyncio.create_task(self._work())

    async def promote(self) -> tuple[str, Task] | None:
        """Make it a task, durable when this returns: its id and row; None when it has ended already."""
        async with self._lock:
            if self._ended is not None:
                return None
            call = self._asked.call
            task_id, task = await self._book.create(
                tool=self._asked.tool.name,
                run_id=call.run_id,
                owner=call.caller.account_id,
                call=stored(call, self._asked.arguments),
                output=self._output,
            )
            self.task = task.id
            self._is_task.set()
            return task_id, task

    def cancel(self) -> None:
        """End it, unless it is over but for the charge: then its result is kept. A job ends with it."""
        going = self._job is not None or not self._attempt.ending
        if going and self._ended is None:
            self.work.cancel()

    async def stop(self) -> None:
        """End it without ending its task: another process, or the next start, takes it up."""
        self._stopping = True
        self.cancel()
        await asyncio.wait([self.work])

    def look(self) -> None:
        """Look again whether the caller has answered."""
        self._look.set()

    async def _work(self) -> Ended:
        ended = await self._run()
        async with self._lock:
            self._ended = ended
            if self.task is not None:
                await self._book.finish(self.task, ended)
        return ended

    async def _run(self) -> Ended:
        try:
            result = self._begun or await self._attempt.result(
                self._asked.arguments, self._report, self._keep
            )
            result = await self._followed(result)
        except MCPError as error:
            content = error.error.model_dump(mode="json", exclude_none=True)
            return Ended(Status.FAILED, content, error.error.message)
        except asyncio.CancelledError:
            if self._stopping:
                raise
            current = asyncio.current_task()
            assert current is not None
            current.uncancel()
            await self._stop_job()
            return Ended(Status.CANCELLED, message="Cancelled by its caller.")
        return Ended(Status.COMPLETED, result)

    async def _followed(self, result: Result) -> Result:
        """The result of the job that the call began, if it began one."""
        tool = self._asked.tool
        if tool.job is None or result.get("isError") is not False:
            return result
        self._job = result["structuredContent"]
        self.wanted.set()
        try:
            async for now in tool.job.states(self._job):
                result = followed(result, tool, now)
                if self.task is not None:
                    self._book.tell(self.task, now.message)
        except BatchinError as error:
            return failed(error, self._asked.call)
        return result

    async def _stop_job(self) -> None:
        job = self._asked.tool.job
        if job is not None and self._job is not None:
            with suppress(BatchinError):  # it is gone
                await job.stop(self._job)

    async def _keep(self, output: bytes) -> None:
        async with self._lock:
            self._output = output
            if self.task is not None:
                await self._book.keep(self.task, output)

    async def _report(self, progress: float, total: float | None, message: str | None) -> None:
        now_s = self._clock.monotonic_s()
        if self.task is not None and now_s - self._told_s >= _TELL_EVERY_S:
            self._told_s = now_s
            self._book.tell(self.task, f"{progress:.0f} parts so far.")

    async def _ask(self, requests: Mapping[str, Any]) -> Mapping[str, Any]:
        self.wanted.set()
        await self._is_task.wait()
        assert self.task is not None
        names = await self._book.ask(self.task, requests)
        while True:
            self._look.clear()
            answers = await self._book.answers(self.task, names)
            if answers is not None:
                return answers
            await self._look.wait()

"""The calls of this process that may become tasks, and the tasks that it takes up from others."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, ErrorData

from base.sealing import Unsealable
from server.mcp.attempt import Challenged
from server.mcp.results import Result, challenged, recovered
from server.mcp.task_run import Asked, TaskRun
from server.mcp.task_times import TaskTimes
from server.mcp.task_wire import handle
from tools.core import AnyTool, Call
from tools.invoke import Invoker
from tools.tasks.book import TaskBook
from tools.tasks.stored import restored
from tools.tasks.task import Ended, Status, Task

_logger: Final = logging.getLogger("batchin.tasks")

Bundles = Callable[[str], Awaitable[Mapping[str, Any] | None]]


class TaskRuns:
    """``bundles`` finds the proof of a run that was charged. Serves while ``running`` is entered."""

    def __init__(
        self, invoker: Invoker, book: TaskBook, bundles: Bundles, timeout_s: float, times: TaskTimes
    ) -> None:
        self._invoker = invoker
        self._book = book
        self._bundles = bundles
        self._timeout_s = timeout_s
        self._times = times
        self._runs: set[TaskRun] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Watch and recover until left; then stop what runs and leave its tasks to the next start."""
        duties = (
            (self._heed, self._times.watch_s),
            (self.recover, self._times.recover_s),
            (self._book.sweep, self._times.sweep_s),
        )
        tasks = [asyncio.create_task(_every(pause_s, duty)) for duty, pause_s in duties]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.gather(*(run.stop() for run in tuple(self._runs)))

    async def answer(
        self, tool: AnyTool, call: Call, arguments: Mapping[str, Any], challenged: Challenged
    ) -> Result:
        """The result of a call if it comes soon, else the handle of the task that goes on without its
        request. A caller that leaves before has cancelled it. Raises MCPError, StorageUnavailable.
        """
        run = self._start(TaskRun(Asked(tool, call, arguments, challenged), self._invoker, self._book))
        try:
            await _soon(run, self._times.patience_s)
            promoted = await asyncio.shield(self._invoker.owner.start(run.promote()))
        except BaseException:
            run.cancel()
            raise
        return _result(await run.work) if promoted is None else handle(*promoted)

    def cancel(self, task: Task) -> None:
        """End a task at once if this process runs it."""
        for run in self._of(task):
            run.cancel()

    def look(self, task: Task) -> None:
        """Let a task look at its answers at once if this process runs it."""
        for run in self._of(task):
            run.look()

    async def recover(self) -> None:
        """Take up the unfinished tasks of processes that are gone."""
        for orphan in await self._book.orphans():
            task = await self._book.take(orphan)
            if task is not None:
                await self._take_up(task)

    async def _take_up(self, task: Task) -> None:
        """A task that was charged gets the output that was kept; any other call begins anew, under the
        same run id, and is charged once."""
        tool = self._invoker.registry.get(task.tool)
        if task.cancelling:
            await self._book.finish(task.id, Ended(Status.CANCELLED))
        elif tool is None or task.call is None:
            await self._book.finish(task.id, _lost(f"This server has no tool {task.tool} any more."))
        else:
            try:
                await self._continue(task, tool)
            except Unsealable:
                await self._book.finish(task.id, _lost("The server's secret changed: call again."))

    async def _continue(self, task: Task, tool: AnyTool) -> None:
        assert task.call is not None
        deadline_s = self._invoker.clock.monotonic_s() + self._timeout_s
        call, arguments = restored(self._book.sealer.open(task.call), deadline_s)
        output = self._book.content(task)
        bundle = await self._bundles(task.run_id)
        begun = None
        if output is not None and bundle is not None:
            begun = recovered(tool, call, output, bundle)
            if tool.job is None:
                await self._book.finish(task.id, Ended(Status.COMPLETED, begun))
                return
        asked = Asked(tool, call, arguments, challenged)
        self._start(TaskRun(asked, self._invoker, self._book, task.id, begun))

    async def _heed(self) -> None:
        """See what was asked of this process's tasks through other processes."""
        if not any(run.task for run in self._runs):
            return
        cancelling = {task.id for task in await self._book.mine() if task.cancelling}
        for run in tuple(self._runs):
            if run.task in cancelling:
                run.cancel()
            elif run.task is not None:
                run.look()

    def _of(self, task: Task) -> list[TaskRun]:
        return [run for run in self._runs if run.task == task.id]

    def _start(self, run: TaskRun) -> TaskRun:
        self._runs.add(run)
        run.work.add_done_callback(lambda work: self._ended(run, work))
        return run

    def _ended(self, run: TaskRun, work: "asyncio.Task[Ended]") -> None:
        self._runs.discard(run)
        if not work.cancelled() and work.exception() is not None:
            _logger.error("a task could not be ended: %s", type(work.exception()).__name__)


async def _soon(run: TaskRun, patience_s: float) -> None:
    """Wait until the call ended, wants to be a task, or took too long."""
    wanted = asyncio.create_task(run.wanted.wait())
    try:
        await asyncio.wait((run.work, wanted), timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        wanted.cancel()


def _result(ended: Ended) -> Result:
    if ended.status is Status.FAILED:
        raise MCPError.from_error_data(ErrorData.model_validate(ended.content))
    assert ended.content is not None
    return dict(ended.content)


def _lost(message: str) -> Ended:
    return Ended(Status.FAILED, {"code": INTERNAL_ERROR, "message": message}, message)


async def _every(pause_s: float, duty: Callable[[], Awaitable[Any]]) -> None:
    while True:
        try:
            await duty()
        except Exception as error:  # noqa: BLE001 - the next round may do better than to end with this
            _logger.error("tasks could not be looked after: %s", type(error).__name__)
        await asyncio.sleep(pause_s)

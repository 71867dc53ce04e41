"""One call of a tool by an MCP client: its run, and the result that tells how it went."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from mcp.shared.exceptions import MCPError

from base.errors import BatchinError
from server.mcp.progress import Progress, Report
from server.mcp.results import Result, completed, failed
from server.web.respond import public_error
from tools.core import AnyTool, Call
from tools.invoke import Done, Invoker, Keep, Run

Challenged = Callable[[Mapping[str, Any], Call], Result]


class Attempt:
    """``begun`` is set when all that can be refused was refused; ``ending`` is true from the moment at
    which the run is over and is being charged: who cancels it then would pay for nothing."""

    def __init__(self, invoker: Invoker, tool: AnyTool, call: Call, challenged: Challenged) -> None:
        self._invoker = invoker
        self._challenged = challenged
        self._run: Run | None = None
        self.tool = tool
        self.call = call
        self.begun = asyncio.Event()
        self.ending = False

    async def result(
        self,
        arguments: Mapping[str, Any],
        report: Report | None = None,
        keep: Keep | None = None,
    ) -> Result:
        """Run the tool to its end. Its errors are results too; raises MCPError for the protocol's."""
        try:
            return completed(await self._done(arguments, report, keep))
        except MCPError:
            raise
        except Exception as error:  # noqa: BLE001 - the boundary: public_error logs it
            return self._failure(public_error(error))

    async def _done(
        self, arguments: Mapping[str, Any], report: Report | None, keep: Keep | None
    ) -> Done:
        self._run = self._invoker.open(self.tool.name, arguments, self.call)
        async with self._run as run:
            self.begun.set()
            if report is None:
                async for _ in run:
                    pass
            else:
                await _follow(run, Progress(report, texts=self._already_paid(run)))
            self.ending = True
            return await run.done(keep)

    def _already_paid(self, run: Run) -> bool:
        return self.call.payment is None or run.upfront is not None

    def _failure(self, error: BatchinError) -> Result:
        challenge = getattr(error, "challenge", None)
        if challenge is not None:
            return self._challenged(challenge, self.call)
        known = getattr(error, "upfront", None)
        return failed(error, self.call, (self._run.upfront if self._run else None) or known)


async def _follow(run: Run, progress: Progress) -> None:
    """Drain a run while its progress is told."""
    teller = asyncio.create_task(progress.tell())
    try:
        async for delta in run:
            progress.add(delta)
        progress.end()
        await teller
    finally:
        teller.cancel()

"""Runs the demo: finds or starts a server, tells the story, says how it ended."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from base.child import ChildFailed
from base.errors import BatchinError
from server.demo.amounts import usd
from server.demo.host import Host, NoDevChain, find_host, own_host
from server.demo.story import tell
from server.demo.transcript import StepFailed, Transcript, transcript

_PLAIN: Final = (StepFailed, ChildFailed, NoDevChain, BatchinError)
"""Errors whose message says it all."""


def run(data_dir: Path, config: Path | None) -> int:
    """The exit status: 0 when every step held, else 1."""
    return asyncio.run(_run(transcript(), data_dir, config))


async def _run(out: Transcript, data_dir: Path, config: Path | None) -> int:
    began = time.monotonic()
    out.headline("batchin: an agent finds a tool, pays for it and checks the proof")
    try:
        async with _server(out, data_dir, config) as host:
            await tell(out, host)
    except Exception as error:  # noqa: BLE001 - whatever it is, it ends the step that it happened in
        out.end(f"Step {out.steps} ({out.title}) failed: {_reason(error)}", "bold red")
        return 1
    took_s = time.monotonic() - began
    out.end(f"All {out.steps} steps held: {out.held} checks in {took_s:.1f} s.", "bold green")
    return 0


@asynccontextmanager
async def _server(out: Transcript, data_dir: Path, config: Path | None) -> AsyncIterator[Host]:
    out.step("A server")
    running = await find_host(data_dir)
    if running is not None:
        out.facts({"Found": running.url, "Process": str(running.pid), "Data": str(data_dir)})
        yield running
        return
    async with AsyncExitStack() as stack:
        with out.waiting("Starting a server: engine, chain, books ..."):
            host = await stack.enter_async_context(own_host(data_dir, config))
        out.facts({"Started": f"{host.url} (stopped at the end)", "Data": str(data_dir)})
        if host.made is not None:
            out.say(f"Its first start made an API key with {usd(host.made.balance_nano_usd)} for you:")
            out.say(host.made.key)
        yield host


def _reason(error: BaseException) -> str:
    """The one error that task groups wrapped, in words."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    if isinstance(error, _PLAIN):
        return str(error)
    return f"{type(error).__name__}: {error}"

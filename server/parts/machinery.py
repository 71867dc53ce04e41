"""What runs in processes and threads of its own: the engines and the embedded chain."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from base.clock import Clock
from base.settings import Settings
from runtime.build import Runtime, build_runtime
from server import ahead
from settlement.chain.devchain import DevChain


@dataclass(frozen=True, slots=True)
class Machinery:
    """``chain`` is the embedded one, None where there is none."""

    runtime: Runtime
    chain: DevChain | None


@asynccontextmanager
async def started(settings: Settings, clock: Clock) -> AsyncIterator[Machinery]:
    """All start at once, and what takes long to import is imported meanwhile.

    Raises FetchError, SettingsError, ChildFailed.
    """
    runtime = await build_runtime(settings, clock, _unreported)
    embedded = settings.x402 and settings.network == "dev"
    chain = DevChain(settings.data_dir / "chain") if embedded else None
    async with AsyncExitStack() as stack:
        await asyncio.gather(
            _enter(stack, *(part for part in (runtime.engines, chain) if part is not None)),
            asyncio.to_thread(ahead.load, ahead.MCP + (ahead.CHAIN if settings.x402 else ())),
        )
        yield Machinery(runtime, chain)


async def _enter(stack: AsyncExitStack, *parts: AbstractAsyncContextManager[Any]) -> None:
    """Enter all at once; when one can't start, those that did are left by the stack."""
    entering = (stack.enter_async_context(part) for part in parts)
    outcomes = await asyncio.gather(*entering, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome


def _unreported(*_: object) -> None:
    """What is missing was fetched before, with its progress shown, by whoever started the server."""

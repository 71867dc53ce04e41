"""A run that fails at once."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

from runtime.engine import Event, Fault


@asynccontextmanager
async def refused(fault: Fault) -> AsyncIterator[AsyncIterator[Event]]:
    """The run of an engine that can't take a call now."""
    yield _only(fault)


async def _only(event: Event) -> AsyncGenerator[Event, None]:
    yield event

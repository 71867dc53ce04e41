"""Execution of a tool that answers at once, without an engine."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from base.usage import Usage
from settlement.rail import Served
from tools.core import Result

NOWHERE = Served(model="none", revision="none", engine="core", engine_version="none")


class Immediate:
    """Runs one coroutine and holds its output; free tools need no more than this."""

    def __init__(self, answer: Callable[[], Awaitable[Mapping[str, Any]]]) -> None:
        self._answer = answer
        self._output: Mapping[str, Any] = {}

    def reserve(self) -> None:
        """Nothing to wait for."""

    async def start(self) -> Served:
        self._output = await self._answer()
        return NOWHERE

    async def events(self) -> AsyncIterator[Any]:
        return
        yield

    def result(self) -> Result:
        return Result(self._output, Usage(), "")

    async def close(self) -> None:
        """Nothing runs on."""

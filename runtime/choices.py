"""More choices than a server makes at once: a call in parts, whose events read as those of one call."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from types import TracebackType
from typing import Any

from base.usage import Usage
from runtime.engine import Delta, EngineCall, Event, Fault, Finish, Meter, Metered, Started

RunOne = Callable[[EngineCall], AbstractAsyncContextManager[AsyncIterator[Event]]]


class InParts:
    """Runs a chat call of ``n`` choices as calls of at most ``most`` choices, one after the other.

    Output tokens add up; the common input counts once, as in a call that one server runs whole.
    """

    def __init__(self, call: EngineCall, most: int, run_one: RunOne) -> None:
        self._call = call
        self._most = most
        self._run_one = run_one
        self._events = self._merged()

    async def __aenter__(self) -> AsyncIterator[Event]:
        return self._events

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._events.aclose()

    async def _merged(self) -> AsyncGenerator[Event, None]:
        spent = Usage()
        for first in range(0, self._call.body["n"], self._most):
            part, usage = self._part(first), Usage()
            try:
                async with self._run_one(part) as events:
                    async for event in events:
                        match event:
                            case Started():
                                if first:
                                    continue
                            case Delta() | Finish():
                                event = replace(event, index=event.index + first)
                            case Metered():
                                usage = event.usage
                                event = Metered(_together(spent, usage))
                            case _:
                                pass
                        yield event
                        if isinstance(event, Fault):
                            return
            finally:
                spent = _together(spent, part.meter.usage or usage)
                self._call.meter.usage = spent

    def _part(self, first: int) -> EngineCall:
        body: Mapping[str, Any] = self._call.body
        part = {**body, "n": min(self._most, body["n"] - first)}
        if body.get("seed") is not None:
            part["seed"] = body["seed"] + first
        return replace(self._call, rid=f"{self._call.rid}-c{first}", body=part, meter=Meter())


def _together(spent: Usage, usage: Usage) -> Usage:
    return Usage(usage.input_tokens, spent.output_tokens + usage.output_tokens, usage.cached_tokens)

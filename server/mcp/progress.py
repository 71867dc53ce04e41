"""Progress of a running tool: deltas gathered into few notifications."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

COALESCE_S = 0.04

Report = Callable[[float, float | None, str | None], Awaitable[None]]


class Progress:
    """Stands between an engine, which is never paused, and a reader, who may be slow.

    ``progress`` counts the deltas so far; ``message`` carries the new text of the first choice when
    ``texts`` is set, and nothing else: concatenated, the messages are the answer. The first delta
    leaves at once, later ones together every 40 ms. What waits for a slow reader is never more than
    the answer itself, which the run holds anyhow.
    """

    def __init__(self, report: Report, *, texts: bool) -> None:
        self._report = report
        self._texts = texts
        self._waiting: list[str] = []
        self._seen = 0
        self._told = 0
        self._changed = asyncio.Event()
        self._ended = False

    def add(self, delta: Any) -> None:
        self._seen += 1
        if self._texts and getattr(delta, "index", None) == 0:
            self._waiting.append(delta.content)
        self._changed.set()

    def end(self) -> None:
        """No more deltas: ``tell`` sends what waits and returns."""
        self._ended = True
        self._changed.set()

    async def tell(self) -> None:
        """Send notifications until the end; run as a task of the call."""
        while not self._ended:
            await self._changed.wait()
            self._changed.clear()
            await self._send()
            if not self._ended:
                await asyncio.sleep(COALESCE_S)
        await self._send()

    async def _send(self) -> None:
        if self._seen == self._told:
            return
        self._told = self._seen
        text = "".join(self._waiting) if self._texts else None
        self._waiting.clear()
        await self._report(float(self._told), None, text or None)

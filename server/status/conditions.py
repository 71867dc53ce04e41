"""What is ill now, by the same signs as /readyz and /metrics; looked at again and again."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from runtime.engine import EngineHealth, EngineState
from server.gauges import BooksSeen
from tools.incidents.book import IncidentBook

STORE: Final = "store"
SETTLEMENT: Final = "settlement"
LOG: Final = "log"
LATE_S: Final = 120.0
"""Settlements and checkpoints that wait longer are late."""
_LOOK_S: Final = 2.0
_log: Final = logging.getLogger("batchin.status")


@dataclass(frozen=True, slots=True)
class Conditions:
    """The parts of a server that can be asked how they are."""

    engines: Callable[[], Sequence[EngineHealth]]
    store_works: Callable[[], Awaitable[bool]]
    books: Callable[[], Awaitable[BooksSeen]]

    async def ill(self) -> Mapping[str, str]:
        """The state of each part that does not serve; empty while all do."""
        return (await self.seen())[0]

    async def seen(self) -> tuple[Mapping[str, str], BooksSeen]:
        """The same, and the books that it is told from: none where the store fails."""
        found = {
            f"engine:{engine.id}": str(engine.state)
            for engine in self.engines()
            if engine.state is not EngineState.READY
        }
        if not await self.store_works():
            return {**found, STORE: "failing"}, BooksSeen()
        books = await self.books()
        if books.unsettled_age_s > LATE_S:
            found[SETTLEMENT] = "late"
        if books.checkpoint_age_s > LATE_S:
            found[LOG] = "late"
        return found, books


async def watching(conditions: Conditions, book: IncidentBook, pause_s: float = _LOOK_S) -> None:
    """Write incidents as they come and go, until cancelled. Trouble is logged and tried again."""
    loaded = False
    while True:
        try:
            if not loaded:
                await book.load()
                loaded = True
            await book.see(await conditions.ill())
        except Exception as error:  # noqa: BLE001 - the store may be what is ill
            _log.error("incidents could not be written: %s", type(error).__name__)
        await asyncio.sleep(pause_s)

"""The spans of this server: kept beside its calls, and written whole before it stops."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from base.clock import Clock
from base.sealing import Sealer
from base.settings import Settings
from server.beside import beside
from server.version import version
from storage.op import Store
from tools.records.book import SpanBook


@asynccontextmanager
async def keeping(
    settings: Settings, store: Store, sealer: Sealer, clock: Clock
) -> AsyncIterator[SpanBook]:
    """A book that writes while the block lasts; what is noted at its end is written first."""
    book = SpanBook(store, sealer, clock, settings.span_ttl_s, settings.spans_kept, version())
    try:
        async with beside(book.run()):
            yield book
    finally:
        await book.flush()

"""Whether the store can write now, found out at most once a second."""

import asyncio
import logging
import time
from typing import Final, Protocol

_FRESH_S: Final = 1.0
_PATIENCE_S: Final = 1.0
_logger: Final = logging.getLogger("batchin.storage")


class Probe(Protocol):
    """One small durable write that shows that the database takes writes and has room for more."""

    async def __call__(self) -> None: ...


class Health:
    """Learns from every flush, and probes when there was none lately."""

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        self._probing: asyncio.Task[bool] | None = None
        self._good_until_s = 0.0
        self._failing = False

    def succeeded(self) -> None:
        self._good_until_s = time.monotonic() + _FRESH_S
        self._failing = False

    def failed(self) -> None:
        self._good_until_s = 0.0
        self._failing = True

    async def hopeful(self) -> bool:
        """Yes at once while the last write did not fail; then whether a new one does."""
        return not self._failing or await self.works()

    async def works(self) -> bool:
        """Whether a durable write ended within the last second, or does within the next."""
        if time.monotonic() < self._good_until_s:
            return True
        if self._probing is None or self._probing.done():
            self._probing = asyncio.create_task(self._prove())
        done, _ = await asyncio.wait((self._probing,), timeout=_PATIENCE_S)
        return bool(done) and self._probing.result()

    async def close(self) -> None:
        if self._probing is not None:
            self._probing.cancel()
            await asyncio.gather(self._probing, return_exceptions=True)

    async def _prove(self) -> bool:
        try:
            await self._probe()
        except Exception as error:  # noqa: BLE001 - whatever the database raises, it does not work
            _logger.warning("the store can't write: %s: %s", type(error).__name__, error)
            self.failed()
            return False
        self.succeeded()
        return True

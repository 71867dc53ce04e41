"""The files of callers, with the broom that sweeps what is gone."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final

from base.clock import Clock
from base.errors import BatchinError
from base.sealing import Sealer
from base.settings import Settings
from base.upload import sweep_uploads
from server.beside import beside
from settlement.idempotency.book import KeyBook
from storage.op import Store
from tools.files.files import Files, Limits
from tools.files.objects import DiskObjects
from tools.files.ops import Space

_EVERY_S: Final = 60.0
_logger: Final = logging.getLogger("batchin.files")


@asynccontextmanager
async def files_of(
    settings: Settings, store: Store, sealer: Sealer, clock: Clock, keys: KeyBook
) -> AsyncIterator[Files]:
    """Files in the data folder; this process alone writes there."""
    limits = Limits(
        settings.max_file_bytes,
        Space(settings.account_files, settings.account_file_bytes),
        settings.file_ttl_s,
    )
    files = Files(store, DiskObjects(settings.data_dir / "objects"), sealer, clock, limits, keys)
    async with beside(_sweep(files, time.time())):
        yield files


async def _sweep(files: Files, started_s: float) -> None:
    left = await asyncio.to_thread(sweep_uploads)
    if left:
        _logger.info("uploads of a killed server removed", extra={"uploads": left})
    strays = await _tried(files.sweep_strays(started_s))
    if strays:
        _logger.info("unfinished uploads removed", extra={"objects": strays})
    while True:
        await _tried(files.sweep())
        await asyncio.sleep(_EVERY_S)


async def _tried(work: Coroutine[Any, Any, int]) -> int:
    try:
        return await work
    except (OSError, BatchinError) as error:
        _logger.warning("files can't be swept: %s", type(error).__name__)
        return 0

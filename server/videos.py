"""Videos on this server: their jobs, and the worker that has them made."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final

from base.outbound.client import Outbound
from base.settings import Settings
from runtime.build import Runtime
from server.beside import beside
from server.jobs import WHOLE, Jobs, TaskCalls
from tools.core import Registry
from tools.jobs import ops
from tools.jobs.batch import VIDEOS, Priority
from tools.jobs.tables import BATCH
from tools.jobs.worker import Kind, Worker
from tools.look import Looker
from tools.videos.make import Maker
from tools.videos.shelf import VideoShelf
from tools.videos.source import source_of
from tools.videos.tool import VideoTools

_AT_ONCE: Final = 64  # engines have lines of their own


@dataclass(frozen=True, slots=True)
class Videos:
    """Everything of videos that others need."""

    calls: TaskCalls
    tools: VideoTools
    shelf: VideoShelf

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Have videos made, from now on."""
        async with beside(self.shelf.worker.run()):
            yield


def videos_of(
    settings: Settings, jobs: Jobs, runtime: Runtime, outbound: Outbound, base_url: str
) -> Videos:
    """Nothing runs yet: see ``TaskCalls.connect`` and ``Videos.running``."""
    common = jobs.parts
    store = common.store

    def tell(video_id: str, percent: int) -> None:
        store.submit(ops.progress(video_id, percent))

    maker = Maker(runtime.catalog, runtime.engines, common.files, tell)
    calls = TaskCalls(store, common.clock, Registry([maker.tool()]))
    rates = dict.fromkeys(Priority, WHOLE)
    parts = replace(common, quote=calls.quote, invoke=calls.invoke, rates=rates)
    worker = Worker(parts, _AT_ONCE, Kind(BATCH.c.endpoint == VIDEOS, source_of))
    shelf = VideoShelf(parts, worker, base_url)
    looker = Looker(outbound)
    tools = VideoTools(runtime.catalog, runtime.engines, shelf, looker, settings.video_window_s)
    return Videos(calls, tools, shelf)

"""What is done for callers after their request and kept for them: files, batches, videos, responses in
the background, pictures."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from base.outbound.addresses import network_of
from base.outbound.client import Outbound
from base.outbound.guard import Guard
from runtime.build import Runtime
from server.background import Background, background_of
from server.files import files_of
from server.jobs import Jobs, jobs_of
from server.parts.ground import Ground
from server.tools import responses_of
from server.videos import Videos, videos_of
from settlement.evidence.recorder import Recorder
from storage.pictures import PictureFolder
from tools.files.files import Files
from tools.invoke import Invoker


@dataclass(frozen=True, slots=True)
class Work:
    """Nothing of it runs before ``connect`` and ``running``: the tools of the core make it."""

    outbound: Outbound
    files: Files
    pictures: PictureFolder
    jobs: Jobs
    videos: Videos
    background: Background

    def connect(self, invoker: Invoker, recorder: Recorder) -> None:
        """Run its calls by this core."""
        for part in (self.jobs, self.videos, self.background):
            part.calls.connect(invoker, recorder)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Do it, from now on."""
        async with self.jobs.running(), self.videos.running(), self.background.running():
            yield


@asynccontextmanager
async def work_of(ground: Ground, runtime: Runtime) -> AsyncIterator[Work]:
    """Files are swept and addresses outside are reached for as long as the block lasts."""
    settings, clock = ground.settings, ground.clock
    books = (ground.store, ground.sealer, clock, ground.once)
    outbound = Outbound(Guard([network_of(text) for text in settings.outbound_allow]))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(outbound.aclose)
        files = await stack.enter_async_context(files_of(settings, *books))
        jobs = jobs_of(
            settings,
            ground.store,
            files,
            ground.sealer,
            runtime.catalog,
            clock,
            ground.url,
            outbound,
            ground.once,
        )
        responses = responses_of(runtime, settings, clock, ground.shelf, outbound)
        yield Work(
            outbound=outbound,
            files=files,
            pictures=PictureFolder(settings.data_dir / "pictures", settings.image_ttl_s, clock),
            jobs=jobs,
            videos=videos_of(settings, jobs, runtime, outbound, ground.url),
            background=background_of(settings, jobs, responses),
        )

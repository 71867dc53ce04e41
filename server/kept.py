"""The routes of what callers keep here: files, batches, webhooks, videos, responses, spans."""

from dataclasses import dataclass

from starlette.routing import Route

from base.resource import Resource
from base.settings import Settings
from server.jobs import Jobs
from server.openai.batches import BatchCreateDoor, BatchDoor, WebhookDoor
from server.openai.files import FileDoor
from server.openai.stored_responses import StoredResponses
from server.openai.videos import VideoDoor, VideoReader
from server.openai.whole_door import WholeDoor
from server.otlp import OtlpRoutes
from server.prompt_trials import Records
from server.videos import Videos
from server.web.caller import Callers
from tools.files.files import Files
from tools.invoke import Invoker
from tools.records.book import SpanBook
from tools.responses.background_book import BackgroundBook
from tools.responses.shelf import ResponseShelf


@dataclass(frozen=True, slots=True)
class Paid:
    """What a payment for a batch and for a video pays for."""

    batch: Resource
    video: Resource


@dataclass(frozen=True, slots=True)
class Kept:
    """Files, batches, videos, responses and spans, with the doors to them."""

    files: Files
    jobs: Jobs
    videos: Videos
    shelf: ResponseShelf
    background: BackgroundBook
    records: Records
    spans: SpanBook

    def routes(self, settings: Settings, invoker: Invoker, callers: Callers, paid: Paid) -> list[Route]:
        jobs, patience_s = self.jobs, settings.send_timeout_s
        made = BatchCreateDoor(
            jobs.batches, invoker, callers, paid.batch, settings.max_body_bytes, patience_s
        )
        webhooks = WebhookDoor(jobs.secrets, jobs.webhooks, callers, settings.max_body_bytes)
        making = WholeDoor(
            "video",
            invoker,
            callers,
            paid.video,
            settings.max_body_bytes,
            patience_s,
            read=VideoReader(settings.max_upload_bytes),
        )
        return [
            *FileDoor(self.files, callers, patience_s).routes(),
            *BatchDoor(jobs.batches, made, callers, patience_s).routes(),
            *webhooks.routes(),
            *OtlpRoutes(self.spans, callers, invoker.observer, settings.otlp_body_bytes).routes(),
            *VideoDoor(self.videos.shelf, self.files, making, callers).routes(),
            *self.records.routes(callers, settings.max_body_bytes),
            *StoredResponses(
                self.shelf, self.background, callers, invoker.observer, patience_s
            ).routes(),
        ]

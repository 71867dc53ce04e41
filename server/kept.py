"""The routes of what callers keep here: files, batches, webhooks."""

from dataclasses import dataclass

from starlette.routing import Route

from base.resource import Resource
from base.settings import Settings
from server.jobs import Jobs
from server.openai.batches import BatchCreateDoor, BatchDoor, WebhookDoor
from server.openai.files import FileDoor
from server.web.caller import Callers
from tools.files.files import Files
from tools.invoke import Invoker


@dataclass(frozen=True, slots=True)
class Kept:
    """Files and batches, with the doors to them."""

    files: Files
    jobs: Jobs

    def routes(
        self, settings: Settings, invoker: Invoker, callers: Callers, create: Resource
    ) -> list[Route]:
        jobs, patience_s = self.jobs, settings.send_timeout_s
        made = BatchCreateDoor(
            jobs.batches, invoker, callers, create, settings.max_body_bytes, patience_s
        )
        webhooks = WebhookDoor(jobs.secrets, jobs.webhooks, callers, settings.max_body_bytes)
        return [
            *FileDoor(self.files, callers, patience_s).routes(),
            *BatchDoor(jobs.batches, made, callers, patience_s).routes(),
            *webhooks.routes(),
        ]

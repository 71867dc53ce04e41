"""Responses in the background on this server: their jobs, and the worker that has them made."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final

from base.pricing import Rate
from base.settings import Settings
from server.beside import beside
from server.jobs import WHOLE, Jobs, TaskCalls
from settlement.parts import Part
from tools.core import Call, Registry
from tools.invoke import Done
from tools.jobs import ops
from tools.jobs.batch import BACKGROUND, Priority
from tools.jobs.lines import Task
from tools.jobs.tables import BATCH
from tools.jobs.worker import Kind, Worker
from tools.responses.background import Respond
from tools.responses.background_book import BackgroundBook
from tools.responses.background_run import BackgroundMaker, source_of
from tools.responses.pieces import PieceShelf
from tools.responses.tool import Responses

_AT_ONCE: Final = 64  # engines have lines of their own


@dataclass(frozen=True, slots=True)
class Background:
    """Everything of them that others need."""

    calls: TaskCalls
    respond: Respond
    book: BackgroundBook

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Have responses made, from now on."""
        async with beside(self.book.worker.run()):
            yield


def background_of(settings: Settings, jobs: Jobs, responses: Responses) -> Background:
    """Nothing runs yet: see ``TaskCalls.connect`` and ``Background.running``."""
    common = jobs.parts
    store = common.store

    def begun(response_id: str) -> None:
        store.submit(ops.progress(response_id, 0))

    pieces = PieceShelf(store, common.sealer, common.clock, settings.response_ttl_s)
    maker = BackgroundMaker(responses, begun, pieces)
    calls = TaskCalls(store, common.clock, Registry([maker.tool()]))

    async def invoke(part: Part, rate: Rate, task: Task, call: Call) -> Done:
        """Who streams a response is told that it has ended."""
        try:
            return await calls.invoke(part, rate, task, call)
        finally:
            pieces.bells.ring(task.custom_id)

    parts = replace(
        common,
        quote=calls.quote,
        invoke=invoke,
        rates=dict.fromkeys(Priority, WHOLE),
        keep_s=settings.response_ttl_s,  # longer than the response: it is counted from the end
    )
    worker = Worker(parts, _AT_ONCE, Kind(BATCH.c.endpoint == BACKGROUND, source_of))
    book = BackgroundBook(parts, worker, pieces)
    return Background(calls, Respond(responses, book, settings.response_window_s), book)

"""The respond tool as callers have it: a response now, or taken on as a job and answered as queued."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson
from pydantic import Field

from base.errors import InvalidRequest
from base.ids import new_id
from base.pricing import PriceCard, Quote
from base.usage import Usage
from settlement.evidence.hashes import request_hash
from settlement.rail import Served
from storage.op import Op
from tools.core import Call, Execution, Result, Tool
from tools.files.files import INLINE, File
from tools.immediate import NOWHERE
from tools.jobs.accept import accepted, check_open
from tools.jobs.batch import BACKGROUND, Batch, Priority, new_batch
from tools.responses.background_book import BackgroundBook
from tools.responses.background_run import TOOL
from tools.responses.rendered import QUEUED, envelope, response_id
from tools.responses.schema import ResponsesInput
from tools.responses.tool import PreparedInput, Responses, given_items
from tools.scopes import check_scopes

_CARD: Final = PriceCard(TOOL, 0, 0)


class LaterInput(PreparedInput):
    """The arguments, what the chat tool is asked for them, and ``earlier``: what was said before."""

    earlier: list[dict[str, Any]] = Field(exclude=True)


@dataclass(frozen=True, slots=True)
class Respond:
    """Builds the tool. ``window_s``: how long a response in the background waits for an engine."""

    responses: Responses
    book: BackgroundBook
    window_s: int

    def tool(self) -> Tool[Any]:
        now = self.responses.tool()
        return replace(now, prepare=self._prepare, quote=self._quote, run=self._run)

    async def _prepare(self, args: ResponsesInput, call: Call) -> PreparedInput:
        if not args.background:
            return await self.responses.prepare(args, call)
        if args.stream:
            raise InvalidRequest(
                "stream: a response in the background is not streamed.",
                param="stream",
                resolution="Leave stream out and poll GET /v1/responses/{id}, or leave background out.",
            )
        if not args.is_stored:
            raise InvalidRequest(
                "store: a response in the background has to be stored.",
                param="store",
                resolution="Leave store out, or background.",
            )
        earlier = await self.responses.earlier(args, call)
        asked = dict(self.responses.prepared(args, earlier))
        kept = [item.model_dump(exclude_none=True) for item in earlier]
        return LaterInput.model_construct(args.model_fields_set, **asked, earlier=kept)

    def _quote(self, args: ResponsesInput) -> Quote:
        """Later: nothing for taking the wish; the most that the response may cost is kept for it."""
        quote = self.responses.quote(args)
        if not isinstance(args, LaterInput):
            return quote
        return Quote(TOOL, _CARD, Usage(), quote.max_nano_usd) if quote.max_nano_usd else quote

    def _run(self, args: PreparedInput, call: Call) -> Execution:
        if not isinstance(args, LaterInput):
            return self.responses.run(args, call)
        check_scopes(call, TOOL, args.model)
        return Submission(self, args, call)


class Submission:
    """Keeps the wish, sealed; job and response are kept by the commit that holds its price."""

    def __init__(self, respond: Respond, args: LaterInput, call: Call) -> None:
        self._respond = respond
        self._args = args
        self._call = call
        created_s = respond.responses.shelf.clock.now_ms() // 1000
        begun = envelope(args, response_id(call.run_id), created_s)
        self._response = {**begun, "status": QUEUED}
        self._job: Batch | None = None
        self._file: File | None = None

    def reserve(self) -> None:
        """Nothing to wait for."""

    async def start(self) -> Served:
        await check_open(self._respond.book.parts, self._call.caller)
        self._job = self._new()
        async with self._respond.book.parts.files.making("") as upload:
            await upload.write(await asyncio.to_thread(self._wish))
            self._file = await upload.written("response.json", INLINE)
        return NOWHERE

    async def events(self) -> AsyncIterator[Any]:
        return
        yield

    def result(self) -> Result:
        named = request_hash({"id": self._response["id"]})
        return Result(self._response, Usage(), named, also=self._also)

    async def close(self) -> None:
        """A wish that no commit kept is a stray: the next start removes it."""

    def _new(self) -> Batch:
        respond, parts = self._respond, self._respond.book.parts
        return new_batch(
            self._call.caller,
            self._response["id"],
            seq=self._call.run_id.removeprefix("run_"),
            file_id=new_id("file"),
            priority=Priority.HIGH,
            window_ms=respond.window_s * 1000,
            at_ms=parts.clock.now_ms(),
            keep_ms=parts.keep_s * 1000,
            inline=True,
            endpoint=BACKGROUND,
            total=1,
            quoted_nano_usd=respond.responses.quote(self._args).max_nano_usd,
            lane=self._call.caller.lane,
        )

    def _wish(self) -> bytes:
        args = self._args
        arguments = args.model_dump(mode="json", by_alias=True, exclude_unset=True)
        wish = {
            "id": self._response["id"],
            "created_s": self._response["created_at"],
            "arguments": arguments,
            "earlier": args.earlier,
        }
        return orjson.dumps(wish)

    def _also(self, account_id: str) -> Sequence[Op]:
        if self._job is None or self._file is None:
            return ()
        book = self._respond.book
        book.worker.wake_soon()
        kept = self._respond.responses.shelf.keep(account_id, given_items(self._args), self._response)
        return (*accepted(book.parts, self._job, self._file, self._call.caller, account_id), kept)

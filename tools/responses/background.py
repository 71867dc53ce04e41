"""The respond tool as callers have it: a response now, or taken on as a job and answered as queued."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson
from pydantic import Field

from base.errors import InvalidRequest, ResponsesStreamingDisabled
from base.ids import new_id
from base.pricing import PriceCard, Quote
from base.usage import Usage
from storage.op import Op
from tools.core import Call, Execution, Tool
from tools.jobs.batch import BACKGROUND, STREAMED, Batch, Priority, new_batch
from tools.jobs.submission import HandedIn, Submission
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
        if args.stream and not call.caller.streams_responses:
            raise ResponsesStreamingDisabled
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
        shelf, book = self.responses.shelf, self.book
        begun = envelope(args, response_id(call.run_id), shelf.clock.now_ms() // 1000)
        response = {**begun, "status": QUEUED}

        def kept(account_id: str) -> Sequence[Op]:
            return (shelf.keep(account_id, given_items(args), response),)

        async def hand_in() -> HandedIn:
            wish = await asyncio.to_thread(_wish, args, response)
            job = self._new(args, call, response["id"])
            return HandedIn(job, response, (wish,), "response.json", kept)

        return Submission(book.parts, call, hand_in, book.worker.wake_soon)

    def _new(self, args: LaterInput, call: Call, job_id: str) -> Batch:
        parts = self.book.parts
        return new_batch(
            call.caller,
            job_id,
            seq=call.run_id.removeprefix("run_"),
            file_id=new_id("file"),
            priority=Priority.HIGH,
            window_ms=self.window_s * 1000,
            at_ms=parts.clock.now_ms(),
            keep_ms=parts.keep_s * 1000,
            inline=True,
            endpoint=BACKGROUND,
            total=1,
            quoted_nano_usd=self.responses.quote(args).max_nano_usd,
            lane=call.caller.lane,
            metadata=STREAMED if args.stream else None,
        )


def _wish(args: LaterInput, response: Mapping[str, Any]) -> bytes:
    wish = {
        "id": response["id"],
        "created_s": response["created_at"],
        "arguments": args.model_dump(mode="json", by_alias=True, exclude_unset=True),
        "earlier": args.earlier,
    }
    return orjson.dumps(wish)

"""The routes of the fake server."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import orjson

from tests.fake_sglang import media, shapes
from tests.fake_sglang.encoding import classes, embeddings, rerank
from tests.fake_sglang.generation import CHAT, TEXT, Generation, choices_of
from tests.fake_sglang.grammar import BadGrammar, forced_text
from tests.fake_sglang.http import Exchange, Left, Listener, listening
from tests.fake_sglang.kind import Faults, Kind
from tests.fake_sglang.prompts import chat_prompt, check_context, text_prompts
from tests.fake_sglang.refused import Refused
from tests.fake_sglang.slots import DuplicateId, Job, QueueFull, Slots
from tests.fake_sglang.videos import FakeVideo
from tests.fake_sglang.wrong import answer_wrongly

_OPEN: Final = ("/ready", "/health", "/metrics")
_NO_EMBEDDER: Final = (
    "This model does not appear to be an embedding model by default. Please add `--is-embedding` when "
    "launching the server or try another model."
)
_DEFAULT_TOKENS: Final = 16
_NEVER: Final = 10**9
_QUEUE_FULL: Final = "The request queue is full."


class FakeSglang:
    """A running fake: ``seen`` are the bodies that it was sent and ``traces`` the traceparents of all
    work, ``generated`` the tokens that it made for each request id, ``videos`` those that it holds,
    ``faults`` may be turned at any time."""

    def __init__(self, kind: Kind, faults: Faults) -> None:
        self.kind = kind
        self.faults = faults
        self.slots = Slots(kind.running_max, kind.queue_max)
        self.seen: list[Mapping[str, Any]] = []
        self.traces: list[str | None] = []
        self.generated: dict[str, int] = {}
        self.listener = Listener()
        self.videos: dict[str, FakeVideo] = {}
        self._known: set[tuple[Any, str]] = set()

    @property
    def url(self) -> str:
        return self.listener.url

    async def answer(self, exchange: Exchange) -> None:
        if self.faults.head_s:
            await asyncio.sleep(self.faults.head_s)
        if self.faults.not_http:
            await exchange.raw(b"\x00\x01 no HTTP \xff\r\n\r\n")
            exchange.reset()
        try:
            if exchange.method == "POST" and exchange.path.startswith("/v1/"):
                await self._work(exchange)
            else:
                await self._route(exchange)
        except Refused as refused:
            await exchange.say(refused.status, refused.answer)

    async def _work(self, exchange: Exchange) -> None:
        self.traces.append(exchange.headers.get("traceparent"))
        if self.faults.wrong is None:
            await self._route(exchange)
        else:
            await answer_wrongly(exchange, self.faults.wrong)

    async def _route(self, exchange: Exchange) -> None:
        path = exchange.path.partition("?")[0]
        self._authorize(exchange, path)
        match exchange.method, path:
            case "GET", "/ready":
                await exchange.say(503 if self.faults.draining else 200)
            case "GET", "/health" | "/health_generate":
                await asyncio.sleep(self.faults.health_s)
                await exchange.say(200)
            case "GET", "/v1/loads":
                running, waiting = len(self.slots.running), len(self.slots.waiting)
                await exchange.say(200, shapes.loads(running, waiting, self.kind.running_max))
            case "GET", "/v1/models":
                await exchange.say(200, shapes.models(self.kind.model, self.kind.context))
            case "GET", "/model_info":
                await exchange.say(200, shapes.model_info(self.kind.model, self.kind.embedding))
            case "GET", "/server_info":
                await exchange.say(200, {"version": "0.5.23", "model_path": self.kind.model})
            case "POST", "/abort_request":
                self.slots.abort(str(orjson.loads(exchange.body).get("rid")))
                await exchange.say(200)
            case "POST", "/v1/chat/completions" | "/v1/completions":
                await self._generate(exchange, path)
            case "POST", "/v1/embeddings" | "/v1/rerank" | "/v1/classify":
                await self._encode(exchange, path)
            case _ if await media.answered(self, exchange, path):
                pass
            case _:
                await exchange.say(404, {"detail": "Not Found"})

    def _authorize(self, exchange: Exchange, path: str) -> None:
        """Routes that manage the server ask for the admin key where there is one. Raises Refused."""
        admin = self.kind.admin_key if path == "/abort_request" else None
        key = admin or self.kind.key
        if (
            key
            and not path.startswith(_OPEN)
            and exchange.headers.get("authorization") != f"Bearer {key}"
        ):
            raise Refused({"error": "Unauthorized"}, 401)

    async def _generate(self, exchange: Exchange, path: str) -> None:
        if self.kind.embedding:  # seen: it ends the whole server
            self.listener.die()
            raise Left
        body = self._body(exchange)
        call, problem = self._call(path, body)
        rid = str(body.get("rid") or uuid.uuid4().hex)
        try:
            if self.faults.queue_full:
                raise QueueFull
            async with self.slots.slot(rid, int(body.get("priority") or 0)) as job:
                if problem is not None:
                    await self._refuse_grammar(exchange, call, problem)
                elif body.get("stream"):
                    await self._counted(self._stream(exchange, call, job), call, rid)
                else:
                    await self._counted(self._tell_whole(exchange, call, job), call, rid)
        except DuplicateId:
            raise Refused(shapes.error(f"Duplicate request ID detected: {rid}")) from None
        except QueueFull:
            await self._refuse_for_load(exchange, call)

    def _call(self, path: str, body: Mapping[str, Any]) -> tuple[Generation, str | None]:
        """The call, and what the grammar compiler says against it. Raises Refused."""
        chat = path == "/v1/chat/completions"
        prompts, tokens = chat_prompt(body) if chat else text_prompts(self.kind, body)
        check_context(self.kind.context, body, max(tokens), None if chat else _DEFAULT_TOKENS)
        forced, problem = None, None
        try:
            forced = forced_text(body)
        except BadGrammar as bad:
            problem = str(bad)
        room = self.kind.context - max(tokens)
        choices = choices_of(body, prompts, forced, room if chat else 16)
        if self.faults.endless:
            for choice in choices:
                choice.limit = _NEVER
        cached = self._cached(body, prompts, tokens)
        return Generation(
            CHAT if chat else TEXT, body, choices, tokens, cached, self.kind.tick_s
        ), problem

    def _cached(self, body: Mapping[str, Any], prompts: list[str], tokens: list[int]) -> int:
        """All but the last token of a prompt that was seen under the same salt."""
        cached = 0
        for prompt, count in zip(prompts, tokens, strict=True):
            key = (body.get("cache_salt"), prompt)
            cached += count - 1 if key in self._known else 0
            self._known.add(key)
        return cached

    async def _counted(self, telling: Awaitable[None], call: Generation, rid: str) -> None:
        try:
            await telling
        finally:
            self.generated[rid] = sum(choice.tokens for choice in call.choices)

    async def _stream(self, exchange: Exchange, call: Generation, job: Job) -> None:
        number = 0
        async for event in call.events(job, self.faults.per_event):
            if not number:
                await exchange.begin_stream()
            await self._misbehave(exchange, number)
            number += 1
            if self.faults.no_usage and not event["choices"]:
                continue
            if event.get("usage"):
                event["usage"]["completion_tokens"] *= self.faults.usage_factor
            await exchange.event(orjson.dumps(event))
        await exchange.event(b"[DONE]")
        await exchange.end_stream()

    async def _misbehave(self, exchange: Exchange, number: int) -> None:
        """What the switches ask for after so many events. Raises Left."""
        faults = self.faults
        if number == faults.stall_after:
            await asyncio.sleep(faults.stall_s)
            exchange.reset()
        if number == faults.reset_after:
            exchange.reset()
        if number == faults.die_after:
            self.listener.die()
            raise Left
        if number == faults.cut_after:
            await exchange.end_stream()
            raise Left
        if number == faults.garbage_after:
            await exchange.event(b'{"choices": [{"index": "\xff')

    async def _tell_whole(self, exchange: Exchange, call: Generation, job: Job) -> None:
        async for _ in call.steps(job, self.faults.per_event):
            pass
        model, rid = str(call.body.get("model")), call.choices[0].rid
        if call.kind == CHAT:
            rows = [
                shapes.message_choice(c.index, c.text, str(c.finish), c.matched) for c in call.choices
            ]
            kind = "chat.completion"
        else:
            rows = [
                shapes.text_choice(c.index, c.echo + c.text, None, c.finish, c.matched)
                for c in call.choices
            ]
            kind = TEXT
        await exchange.say(200, shapes.whole(kind, rid, model, rows, call.usage()))

    async def _refuse_grammar(self, exchange: Exchange, call: Generation, problem: str) -> None:
        """A status for whole answers; inside a stream, whose status is 200 already, for the others."""
        if not call.body.get("stream"):
            raise Refused(shapes.error(problem))
        await self._error_in_band(exchange, call, shapes.error(problem, "BAD_REQUEST"))

    async def _refuse_for_load(self, exchange: Exchange, call: Generation) -> None:
        if not call.body.get("stream"):
            raise Refused(shapes.error(_QUEUE_FULL, "503", 503), 503)
        await self._error_in_band(exchange, call, shapes.error(_QUEUE_FULL, "SERVICE_UNAVAILABLE", 503))

    async def _error_in_band(
        self, exchange: Exchange, call: Generation, error: Mapping[str, Any]
    ) -> None:
        """The usage that was asked for follows the error."""
        await exchange.begin_stream()
        await exchange.event(orjson.dumps({"error": error}))
        if (call.body.get("stream_options") or {}).get("include_usage"):
            chunk = shapes.chunk(call.kind, uuid.uuid4().hex, str(call.body.get("model")), ())
            await exchange.event(orjson.dumps({**chunk, "usage": shapes.usage(0, 0, 0)}))
        await exchange.event(b"[DONE]")
        await exchange.end_stream()

    async def _encode(self, exchange: Exchange, path: str) -> None:
        body = self._body(exchange)
        if not self.kind.embedding:
            raise Refused(shapes.error(_NO_EMBEDDER))
        answers = {
            "/v1/embeddings": embeddings,
            "/v1/rerank": rerank,
            "/v1/classify": classes,
        }
        await exchange.say(200, answers[path](self.kind, body))

    def _body(self, exchange: Exchange) -> Mapping[str, Any]:
        try:
            body = orjson.loads(exchange.body)
        except orjson.JSONDecodeError:
            raise Refused(shapes.invalid_body(exchange.path, "JSON decode error")) from None
        self.seen.append(body)
        return body if isinstance(body, dict) else {}


@asynccontextmanager
async def serving(
    kind: Kind | None = None, faults: Faults | None = None, port: int = 0
) -> AsyncIterator[FakeSglang]:
    """A fake server on loopback for as long as the context lasts."""
    fake = FakeSglang(kind or Kind(), faults or Faults())
    async with listening(fake.answer, port) as listener:
        fake.listener = listener
        yield fake

"""Idempotency keys of free requests: what a POST changed is not changed again, its answer comes again.

Paid calls keep their keys with their charge, and batches and files in the commit that makes them. Of all
others the whole answer is kept for the API key that asked, sealed so that only who brings the
idempotency key can open it: that of ``POST /v1/keys`` holds an API key, which is stored nowhere else.
A crash after the change and before the answer was kept frees the key; nobody was told the first answer
then.
"""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from base.clock import Clock
from base.errors import IdempotencyMismatch
from base.ids import new_id
from base.sealing import Sealer, Unsealable
from base.settings import Settings
from server.web.caller import Callers, idempotency_key
from server.web.packed import as_sent
from server.web.refusal import refusal_headers
from server.web.request import Disconnected, read_body, read_head
from server.web.respond import public_error, send_error
from settlement.idempotency import ops
from settlement.idempotency.book import KeyBook, fingerprint_of, key_hash
from settlement.limits.addresses import AddressLimits
from tools.observe import Observer

_HEADER: Final = b"idempotency-key"
MOST_KEPT: Final = 1_048_576
"""Of an answer's body; a longer one is not made again, and not told again."""
_GOOD: Final = range(200, 300)
_NAMED: Final = "idempotency"
_BESIDES: Final = frozenset({"/v1/batches", "/v1/files", "/v1/videos"})
FREE: Final = ("/v1/quote", "/v1/audit/verify-bundle")
"""The hot paths that are free."""


@dataclass(frozen=True, slots=True)
class Once:
    """``app`` with keys for its POSTs, all but those that keep their own. ``ration`` counts a request
    of an account under a key (raises RateLimited)."""

    app: ASGIApp
    book: KeyBook
    callers: Callers
    observer: Observer
    body_limit: int
    ration: Callable[[str], None]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._has_key(scope):
            await self.app(scope, receive, send)
            return
        try:
            await self._once(scope, receive, send)
        except Disconnected:
            return
        except Exception as error:  # noqa: BLE001 - a door answers whatever happened
            shown = public_error(error)
            await send_error(send, shown, refusal_headers(self.observer, _NAMED, shown))

    def _has_key(self, scope: Scope) -> bool:
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] in _BESIDES:
            return False
        names = {name for name, _ in scope["headers"]}
        return _HEADER in names and b"authorization" in names

    async def _once(self, scope: Scope, receive: Receive, send: Send) -> None:
        head = read_head(scope)
        key, caller = idempotency_key(head), self.callers.caller(head)
        account_id = caller.account_id
        if key is None or account_id is None:
            await self.app(scope, receive, send)
            return
        body = await read_body(receive, as_sent(head), self.body_limit)
        told = f"{caller.key_id}|{scope['path']}?{scope['query_string'].decode('latin-1')}|"
        fingerprint = fingerprint_of(told + hashlib.sha256(body).hexdigest())
        use = ops.Use(account_id, key_hash(key), fingerprint, new_id("req"))
        sealer = Sealer(self.book.sealer.derived(b"idempotency-key|" + key.encode()))
        self.ration(account_id)
        ended = await self.book.take(use)
        if ended is not None:
            await _again(sealer, ended, send)
            return
        await self._first(scope, body, send, _Held(use, sealer))

    async def _first(self, scope: Scope, body: bytes, send: Send, held: "_Held") -> None:
        """Let it happen, keep its answer, and only then send it."""
        try:
            await self.app(scope, _given(body), held.take)
            if held.status not in _GOOD:
                self.book.free(held.use)
            else:
                sealed = held.sealer.seal(held.kept())
                await self.book.store.commit(ops.end(held.use, sealed))
        except BaseException:
            self.book.free(held.use)
            raise
        for message in held.messages:
            await send(message)


def once_of(
    settings: Settings, book: KeyBook, callers: Callers, observer: Observer, clock: Clock
) -> Callable[[ASGIApp], Once]:
    """Gives apps their keys."""
    who = "this account under an Idempotency-Key"
    ration = AddressLimits(settings.idempotent_rpm, clock, who).take
    limit = max(settings.max_body_bytes, settings.otlp_body_bytes)  # who answers has its own
    return lambda app: Once(app, book, callers, observer, limit, ration)


class _Held:
    """An answer that waits until it is kept."""

    def __init__(self, use: ops.Use, sealer: Sealer) -> None:
        self.use = use
        self.sealer = sealer
        self.messages: list[Message] = []
        self.body = b""
        self.status = 0

    async def take(self, message: Message) -> None:
        self.messages.append(message)
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self.body += message.get("body", b"")

    def kept(self) -> bytes:
        headers = [[name.decode(), value.decode("latin-1")] for name, value in self._headers()]
        body = base64.b64encode(self.body).decode() if len(self.body) <= MOST_KEPT else None
        return orjson.dumps({"status": self.status, "headers": headers, "body": body})

    def _headers(self) -> list[tuple[bytes, bytes]]:
        return list(self.messages[0].get("headers", ()))


async def _again(sealer: Sealer, ended: ops.Ended, send: Send) -> None:
    try:
        kept: dict[str, Any] = orjson.loads(sealer.open(ended.result))
    except Unsealable:  # the server's secret changed meanwhile
        raise IdempotencyMismatch(
            "What was answered under this Idempotency-Key can't be read any more.",
            param="Idempotency-Key",
        ) from None
    if kept["body"] is None:
        raise IdempotencyMismatch(
            f"What this request asks for was done; its answer has more than {MOST_KEPT} bytes "
            "and was not kept.",
            param="Idempotency-Key",
            resolution="Read what it made; a new Idempotency-Key does it again.",
        )
    headers = [(name.encode(), value.encode("latin-1")) for name, value in kept["headers"]]
    await send({"type": "http.response.start", "status": kept["status"], "headers": headers})
    await send({"type": "http.response.body", "body": base64.b64decode(kept["body"])})


def _given(body: bytes) -> Receive:
    """A request whose body was read."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return messages.pop() if messages else {"type": "http.disconnect"}

    return receive

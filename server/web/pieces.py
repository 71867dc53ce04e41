"""Large answers leave in pieces, so that what a reader does not take is not held for ever.

A transport keeps whatever it is handed until that is read: handed a piece only once the last one is on
its way, it holds little, and a reader who takes nothing is seen.
"""

import asyncio
from collections.abc import Iterator
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.web.wire import Wire, wire_of

PIECE: Final = 65_536
"""Bytes that a connection takes before it makes its writer wait."""


def pieces_of(message: Message) -> Iterator[Message]:
    """A message of a response in parts of at most ``PIECE`` bytes."""
    body: bytes = message.get("body", b"")
    if len(body) <= PIECE:
        yield message
        return
    last = (len(body) - 1) // PIECE * PIECE
    for start in range(0, last, PIECE):
        yield {**message, "body": body[start : start + PIECE], "more_body": True}
    yield {**message, "body": body[last:]}


class Patient:
    """Around an app that watches no reader itself: one who takes nothing for ``timeout_s`` is cut."""

    def __init__(self, app: ASGIApp, timeout_s: float) -> None:
        self._app = app
        self._timeout_s = timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wire = wire_of(scope)
        if wire is None:
            await self._app(scope, receive, send)
            return

        async def patient(message: Message) -> None:
            for piece in pieces_of(message):
                await self._send(wire, send, piece)

        await self._app(scope, receive, patient)

    async def _send(self, wire: Wire, send: Send, piece: Message) -> None:
        if not wire.full:
            await send(piece)
            return
        patience = asyncio.get_running_loop().call_later(self._timeout_s, wire.abort)
        try:
            await send(piece)
        finally:
            patience.cancel()

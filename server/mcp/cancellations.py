"""Cancellation of a handshake-era call: its notice comes in another HTTP request.

2026-07-28 clients close the response stream instead, which cancels by itself.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import anyio
import orjson

NOTICE = b"notifications/cancelled"
_RequestId = str | int
_Key = tuple[str, _RequestId | None]


class Cancellations:
    """The calls in flight of clients that were given a session id."""

    def __init__(self) -> None:
        self._scopes: dict[_Key, anyio.CancelScope] = {}

    @contextmanager
    def cancellable(self, session: str, request_id: _RequestId | None) -> Iterator[None]:
        """Run the block until ``heed`` names this request; then it is cancelled and left quietly."""
        with anyio.CancelScope() as scope:
            key = (session, request_id)
            self._scopes[key] = scope
            try:
                yield
            finally:
                if self._scopes.get(key) is scope:
                    del self._scopes[key]

    def heed(self, session: str, body: bytes) -> None:
        """Cancel what a posted message names, if it is a cancellation of a call of that session."""
        if NOTICE not in body:
            return
        request_id = _cancelled(body)
        scope = self._scopes.get((session, request_id)) if request_id is not None else None
        if scope is not None:
            scope.cancel()


def _cancelled(body: bytes) -> _RequestId | None:
    try:
        message = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(message, Mapping) or message.get("method") != NOTICE.decode():
        return None
    params = message.get("params")
    named = params.get("requestId") if isinstance(params, Mapping) else None
    return named if type(named) in (str, int) else None

"""What goes to an engine and what comes back, whichever client carries it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Request:
    """One request. ``path`` is an origin-form target (RFC 9112, 3.2.1); Host and Content-Length are
    added by the client. ``headers`` are those of many requests, ``own`` of this one alone."""

    method: str
    path: str
    headers: Headers = ()
    body: bytes = b""
    own: Headers = ()


Attempt = Callable[[int], Request]
"""Makes the request of an attempt, 1 or 2: a second one carries a new request id."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Time limits in seconds, sizes in bytes.

    ``first_byte_s`` is the longest wait for the first byte of a response's body, ``between_bytes_s``
    the longest silence after it. ``idle_s`` is below the keep-alive of every engine (SGLang: 5 s).
    ``unread_bytes`` is what a live stream buffers for a slow reader before it is aborted.
    ``job_silence_s`` is the longest time in which a job on an engine does not get on.
    """

    connect_s: float = 5.0
    first_byte_s: float = 120.0
    between_bytes_s: float = 60.0
    idle_s: float = 3.0
    head_bytes: int = 65_536
    unread_bytes: int = 1_048_576
    job_silence_s: float = 900.0


DEFAULT_LIMITS: Final = Limits()


class Response(Protocol):
    """A response whose head has arrived.

    Use ``read`` for a whole body or ``chunk`` for a live one, then ``close`` in every case: it aborts
    the connection at once when the body has not ended. Both raise HttpFailure.
    """

    @property
    def status(self) -> int: ...

    @property
    def heard_s(self) -> float:
        """When the newest bytes came, by the loop's clock; asked of a response that has not ended."""

    def header(self, name: str) -> str | None:
        """The last value of a header."""

    async def read(self, limit: int) -> bytes:
        """The whole body, at most ``limit`` bytes."""

    async def chunk(self) -> bytes:
        """What has arrived since the last call, at least one byte; empty at the end of the body."""

    def finish(self) -> None:
        """The rest of the body does not matter: let it end by itself soon, to keep the connection."""

    def close(self) -> None: ...


class Client(Protocol):
    """Sends requests to one origin."""

    async def send(self, attempt: Attempt) -> Response:
        """Raises HttpFailure. Tries again once, only when a reused connection turned out to be closed
        before a byte of the response came."""

    async def aclose(self) -> None: ...

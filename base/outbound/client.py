"""The HTTP client for URLs that callers name: it connects to public addresses alone.

No proxy or credential of this machine's environment is used, no cookie kept, no body decompressed, and
nothing that a host answers is shown to a caller except the content that was asked for.
"""

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

from base.outbound.guard import Guard, OutboundFailed

if TYPE_CHECKING:
    import aiohttp
    from aiohttp.abc import AbstractResolver

T = TypeVar("T")

_UNREACHABLE: Final = "its host could not be reached at a public address"
_SLOW: Final = "its host did not answer in time"
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS: Final = 3
_OK: Final = 200
_PIECE: Final = 65_536


@dataclass(frozen=True, slots=True)
class Answer:
    """What a host answered to a POST; its body was not read."""

    status: int
    retry_after: str | None = None

    @property
    def accepted(self) -> bool:
        return self.status // 100 == 2


@dataclass(frozen=True, slots=True)
class Fetched:
    """The content of a URL. ``media_type`` is what its host claims."""

    media_type: str
    body: bytes = field(repr=False)


class Outbound:
    """``timeout_s`` bounds one request from the look-up of its name to its last byte.

    ``resolver`` is the system's unless a test brings its own.
    """

    def __init__(
        self, guard: Guard, timeout_s: float = 5.0, resolver: "AbstractResolver | None" = None
    ) -> None:
        self._guard = guard
        self._timeout_s = timeout_s
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None
        self._opening = asyncio.Lock()

    def check(self, url: str) -> None:
        """Refuse a URL that will never be asked, before anything is promised. Raises UrlRefused."""
        self._guard.check(url)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send a body once; redirects are not followed. Raises OutboundFailed."""
        return await self._within(self._post(url, body, headers))

    async def fetch(self, url: str, limit_bytes: int, accept: str = "*/*") -> Fetched:
        """Get a content of at most ``limit_bytes``; up to three redirects, each checked like the URL
        itself. Raises OutboundFailed."""
        return await self._within(self._fetch(url, limit_bytes, accept))

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()
        if self._resolver is not None:
            await self._resolver.close()

    async def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        async with await self._ask("POST", url, headers=dict(headers), data=body) as response:
            return Answer(response.status, response.headers.get("Retry-After"))

    async def _fetch(self, url: str, limit_bytes: int, accept: str) -> Fetched:
        headers = {"Accept": accept, "Accept-Encoding": "identity"}
        for _ in range(_MOST_REDIRECTS + 1):
            async with await self._ask("GET", url, headers=headers) as response:
                if response.status not in _REDIRECTS:
                    return await _content(response, limit_bytes)
                url = _target(response)
        raise OutboundFailed(f"it redirects more than {_MOST_REDIRECTS} times")

    async def _ask(self, method: str, url: str, **what: Any) -> "aiohttp.ClientResponse":
        self._guard.check(url)
        session = await self._opened()
        return await session.request(method, url, allow_redirects=False, **what)

    async def _within(self, asking: Coroutine[Any, Any, T]) -> T:
        import aiohttp

        try:
            async with asyncio.timeout(self._timeout_s):
                return await asking
        except TimeoutError:
            raise OutboundFailed(_SLOW) from None
        except (aiohttp.ClientError, OSError, ValueError):
            raise OutboundFailed(_UNREACHABLE) from None

    async def _opened(self) -> "aiohttp.ClientSession":
        async with self._opening:
            if self._session is None:
                self._session = await self._session_made()
            return self._session

    async def _session_made(self) -> "aiohttp.ClientSession":
        import ssl

        import aiohttp

        from base.outbound.resolver import SystemResolver

        self._resolver = self._resolver or SystemResolver()
        context = await asyncio.to_thread(ssl.create_default_context)  # reads all authorities
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=context,
                resolver=self._resolver,
                socket_factory=self._guard.socket,
                use_dns_cache=False,
                force_close=True,
                limit_per_host=8,
            ),
            timeout=aiohttp.ClientTimeout(total=None),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "batchin"},
            auto_decompress=False,
            trust_env=False,
        )


def _target(response: "aiohttp.ClientResponse") -> str:
    from yarl import URL

    location = response.headers.get("Location", "")
    try:
        return str(response.url.join(URL(location)))
    except ValueError:
        raise OutboundFailed("it redirects to something that is no URL") from None


async def _content(response: "aiohttp.ClientResponse", limit_bytes: int) -> Fetched:
    if response.status != _OK:
        raise OutboundFailed(f"its host answered with status {response.status}")
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise OutboundFailed("its content is compressed although that was not asked for")
    if (response.content_length or 0) > limit_bytes:
        raise OutboundFailed(f"it holds more than {limit_bytes} bytes")
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_chunked(_PIECE):
        size += len(part)
        if size > limit_bytes:
            raise OutboundFailed(f"it holds more than {limit_bytes} bytes")
        parts.append(part)
    return Fetched(response.content_type, b"".join(parts))

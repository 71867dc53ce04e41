"""HTTP clients of commands: a running server, seen from outside."""

from urllib.parse import urlsplit

import httpx2

_LOOPBACK = frozenset(("127.0.0.1", "::1", "localhost"))
_TIMEOUT = httpx2.Timeout(10.0, read=300.0)


def http_client(base_url: str, token: str | None = None) -> httpx2.AsyncClient:
    """A client of one server. The environment's proxies are for servers that are not on this machine."""
    return httpx2.AsyncClient(
        base_url=base_url,
        headers={"authorization": f"Bearer {token}"} if token else {},
        timeout=_TIMEOUT,
        trust_env=not is_loopback(base_url),
    )


def is_loopback(url: str) -> bool:
    return urlsplit(url).hostname in _LOOPBACK

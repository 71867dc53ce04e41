"""Requests to URLs that callers name reach public addresses and nothing of ours."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from ipaddress import ip_address

import pytest

from base.outbound.addresses import is_public, network_of
from base.outbound.client import Outbound
from base.outbound.guard import Guard, OutboundFailed, UrlRefused
from tests.unit.base.outbound.canary import canary
from tests.unit.base.outbound.corpus import urls
from tests.unit.base.outbound.resolver import Names

NAMES = {
    "loop.test": ["127.0.0.1"],
    "six.test": ["::1"],
    "mapped.test": ["::ffff:127.0.0.1"],
    "metadata.test": ["169.254.169.254"],
    "inside.test": ["10.0.0.1"],
    "nat64.test": ["64:ff9b::7f00:1"],
    "linklocal.test": ["fe80::1"],
    "both.test": ["10.0.0.1", "127.0.0.1"],
}
LOOPBACK = (network_of("127.0.0.0/8"), network_of("::1/128"))


@asynccontextmanager
async def outbound(
    guard: Guard, rebinding: Mapping[str, list[str]] | None = None
) -> AsyncIterator[Outbound]:
    client = Outbound(guard, 1.0, Names(NAMES, rebinding=rebinding or {}))
    try:
        yield client
    finally:
        await client.aclose()


async def refusal(client: Outbound, url: str) -> str | None:
    try:
        await client.fetch(url, 1000)
    except OutboundFailed as error:
        return error.reason
    return None


async def test_no_url_of_the_corpus_reaches_this_machine() -> None:
    async with canary() as bird, outbound(Guard(ports=frozenset({bird.port}))) as client:
        corpus = urls(bird.port)
        outcomes = await asyncio.gather(*(refusal(client, url) for url in corpus))
        posted = await asyncio.gather(
            *(client.post(url, b"{}", {}) for url in corpus), return_exceptions=True
        )
    assert len(corpus) >= 200
    assert [url for url, why in zip(corpus, outcomes, strict=True) if why is None] == []
    assert [url for url, why in zip(corpus, outcomes, strict=True) if why and "time" in why] == []
    assert all(isinstance(outcome, OutboundFailed) for outcome in posted)
    assert bird.connections == 0


async def test_the_corpus_would_reach_it_without_the_guard() -> None:
    async with canary() as bird, outbound(Guard(allowed=LOOPBACK)) as client:
        corpus = [url for url in urls(bird.port) if "127" in url or "test" in url or "localhost" in url]
        await asyncio.gather(*(refusal(client, url) for url in corpus))
    assert bird.connections >= 25


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_judged_like_the_url(status: int) -> None:
    """One allowed server redirects to another address of this machine, which is not allowed."""
    async with canary() as gate, canary() as bird:
        target = f"http://127.0.0.1:{bird.port}/"
        head = f"HTTP/1.1 {status} Go\r\nlocation: {target}\r\ncontent-length: 0\r\n\r\n"
        gate.answer = head.encode()
        async with outbound(Guard(allowed=(network_of("127.0.0.9/32"),))) as client:
            with pytest.raises(OutboundFailed):
                await client.fetch(f"http://127.0.0.9:{gate.port}/", 1000)
            answer = await client.post(f"http://127.0.0.9:{gate.port}/", b"{}", {})
    assert gate.connections == 2
    assert not answer.accepted
    assert bird.connections == 0


async def test_a_redirect_loop_ends() -> None:
    async with canary() as bird, outbound(Guard(allowed=LOOPBACK)) as client:
        bird.answer = b"HTTP/1.1 302 Go\r\nlocation: /again\r\ncontent-length: 0\r\n\r\n"
        with pytest.raises(OutboundFailed, match="more than 3 times"):
            await client.fetch(f"http://127.0.0.1:{bird.port}/", 1000)
    assert bird.connections == 4


async def test_a_name_that_rebinds_between_check_and_connection() -> None:
    async with canary() as bird:
        guard = Guard(ports=frozenset({bird.port}))
        async with outbound(guard, {"rebind.test": ["203.0.114.1", "127.0.0.1"]}) as client:
            url = f"http://rebind.test:{bird.port}/"
            client.check(url)
            assert await refusal(client, url)
            assert await refusal(client, url)
    assert bird.connections == 0


async def test_the_reason_does_not_tell_which_addresses_exist() -> None:
    async with canary() as bird, outbound(Guard(ports=frozenset({bird.port}))) as client:
        reasons = set()
        for host in ("loop.test", "inside.test", "nowhere.test", "10.0.0.1"):
            with pytest.raises(OutboundFailed) as caught:
                await client.fetch(f"http://{host}:{bird.port}/", 1000)
            reasons.add(caught.value.reason)
    assert len(reasons) == 1


async def test_content_comes_whole_and_within_its_limit() -> None:
    async with canary() as bird, outbound(Guard(allowed=LOOPBACK)) as client:
        url = f"http://127.0.0.1:{bird.port}/picture"
        fetched = await client.fetch(url, 6)
        assert (fetched.media_type, fetched.body) == ("text/plain", b"secret")
        with pytest.raises(OutboundFailed, match="more than 5 bytes"):
            await client.fetch(url, 5)
        bird.answer = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 10_000
        with pytest.raises(OutboundFailed, match="more than 6000 bytes"):
            await client.fetch(url, 6000)
        bird.answer = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 1\r\n\r\nx"
        with pytest.raises(OutboundFailed, match="compressed"):
            await client.fetch(url, 6000)
        bird.answer = b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n"
        with pytest.raises(OutboundFailed, match="status 500"):
            await client.fetch(url, 6000)


async def test_a_host_that_says_nothing_is_left() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = Outbound(Guard(allowed=LOOPBACK), 0.2)
    with pytest.raises(OutboundFailed, match="in time"):
        await client.fetch(f"http://127.0.0.1:{port}/", 10)
    await client.aclose()
    server.close()


@pytest.mark.parametrize(
    "url",
    ["ftp://example.com/", "http://a:b@example.com/", "http://example.com:22/", "http://", "x" * 3000],
)
def test_a_url_that_will_never_be_asked_is_refused_at_once(url: str) -> None:
    with pytest.raises(UrlRefused):
        Outbound(Guard()).check(url)


@pytest.mark.parametrize(
    ("text", "public"),
    [
        ("8.8.8.8", True),
        ("1.1.1.1", True),
        ("203.0.114.1", True),
        ("172.32.0.1", True),
        ("2606:4700:4700::1111", True),
        ("2a00:1450:4001:81b::200e", True),
        ("64:ff9b::7f00:1", False),
        ("::127.0.0.1", False),
        ("fec0::1", False),
        ("192.88.99.1", False),
        ("224.0.0.1", False),
        ("168.63.129.16", False),
        ("2001:db8::1", False),
    ],
)
def test_the_list_of_public_addresses(text: str, public: bool) -> None:
    assert is_public(ip_address(text)) is public

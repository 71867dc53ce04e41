"""The engine client against a server that answers well, late, badly or not at all."""

import asyncio
import time
from collections.abc import Callable

import pytest

from runtime.http.failure import (
    BadResponse,
    ConnectFailed,
    ConnectionLost,
    HttpFailure,
    ReaderTooSlow,
    SilenceTooLong,
)
from runtime.http.message import DEFAULT_LIMITS, Limits, Request, Response
from runtime.http.plain import PlainClient
from tests.live import free_port
from tests.unit.runtime.scripted import EVENT_STREAM, Exchange, ScriptedServer, chunk, scripted, whole

GET = Request("GET", "/x")
SHORT = Limits(connect_s=1, first_byte_s=0.2, between_bytes_s=0.1)


def client(server: ScriptedServer, limits: Limits = DEFAULT_LIMITS) -> PlainClient:
    return PlainClient("127.0.0.1", server.port, limits)


async def body_of(http: PlainClient, request: Request = GET, limit: int = 1 << 20) -> bytes:
    response = await http.send(lambda _: request)
    try:
        return await response.read(limit)
    finally:
        response.close()


async def drained(response: Response) -> None:
    while await response.chunk():
        pass


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        await asyncio.sleep(0.005)


async def test_requests_share_a_connection_and_arrive_as_sent() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.say(whole(exchange.body))

    async with scripted(script) as server:
        http = client(server)
        request = Request("POST", "/v1/x?y=1", (("Authorization", "Bearer k"),), b"a\r\nb")
        assert [await body_of(http, request) for _ in range(3)] == [b"a\r\nb"] * 3
        assert server.connections == 1
        head = server.exchanges[0].head
        assert head.startswith("POST /v1/x?y=1 HTTP/1.1\r\n")
        assert f"Host: 127.0.0.1:{server.port}\r\n" in head
        assert "Authorization: Bearer k\r\n" in head
        await http.aclose()


async def test_parallel_requests_use_connections_of_their_own() -> None:
    async def script(exchange: Exchange) -> None:
        await until(lambda: len(server.exchanges) == 3)
        await exchange.say(whole(b"{}"))

    async with scripted(script) as server:
        http = client(server)
        await asyncio.gather(*[body_of(http) for _ in range(3)])
        assert server.connections == 3


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
async def test_a_chunked_body_in_any_pieces(size: int) -> None:
    data = EVENT_STREAM + chunk(b"hello ") + chunk(b"world" * 100) + b"0\r\nX-Trailer: 1\r\n\r\n"

    async def script(exchange: Exchange) -> None:
        await exchange.say_in_bits(data, size)

    async with scripted(script) as server:
        http = client(server)
        assert await body_of(http) == b"hello " + b"world" * 100
        assert await body_of(http) == b"hello " + b"world" * 100
        assert server.connections == 1
        await http.aclose()


async def test_interim_responses_are_skipped() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.say(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n")
        await exchange.say(whole(b"done", "201 Created", b"X-A: 1\r\nx-a: 2\r\n"))

    async with scripted(script) as server:
        http = client(server)
        response = await http.send(lambda _: GET)
        assert (response.status, response.header("X-A"), response.header("a")) == (201, "2", None)
        assert await response.read(100) == b"done"
        await http.aclose()


async def test_a_body_may_end_with_the_connection() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.say(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n", b'{"a":', b"1}")
        exchange.writer.close()
        await exchange.writer.wait_closed()

    async with scripted(script) as server:
        assert await body_of(client(server)) == b'{"a":1}'


async def test_a_connection_that_was_closed_while_idle_costs_one_more_try_with_a_new_request() -> None:
    async def script(exchange: Exchange) -> None:
        if exchange.number == 2:
            exchange.reset()
            return
        await exchange.say(whole(exchange.body))

    async with scripted(script) as server:
        http = client(server)
        tries: list[int] = []

        def attempt(number: int) -> Request:
            tries.append(number)
            return Request("POST", "/", (), b"try %d" % number)

        assert await body_of(http) == b""
        response = await http.send(attempt)
        assert await response.read(100) == b"try 2"
        assert tries == [1, 2]
        await http.aclose()


async def test_no_second_try_on_a_new_connection_nor_after_a_byte() -> None:
    async def script(exchange: Exchange) -> None:
        if exchange.number == 1:
            await exchange.say(whole(b"{}"))
        elif exchange.number == 2:
            await exchange.say(b"HTTP/1.1 200 OK\r\n")
        exchange.reset() if exchange.number > 1 else None

    async with scripted(script) as server:
        http = client(server)
        await body_of(http)
        for _ in range(2):
            with pytest.raises(ConnectionLost):
                await body_of(http)
        assert len(server.exchanges) == 3


async def test_bytes_that_nobody_asked_for_end_the_connection() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.say(
            whole(b"%d" % exchange.number) + (whole(b"evil") if exchange.number < 3 else b"")
        )
        if exchange.number == 2:
            await exchange.say(b"HTTP/1.1 200 OK\r\n")

    async with scripted(script) as server:
        http = client(server)
        assert [await body_of(http) for _ in range(3)] == [b"1", b"2", b"3"]
        assert server.connections == 3
        await http.aclose()


async def test_bytes_on_an_idle_connection_end_it() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.say(whole(b"%d" % exchange.number))
        if exchange.number == 1:
            await asyncio.sleep(0.02)
            await exchange.say(whole(b"evil"))
            await asyncio.wait_for(exchange.closed.wait(), 60)

    async with scripted(script) as server:
        http = client(server)
        assert await body_of(http) == b"1"
        await until(server.exchanges[0].closed.is_set)
        assert await body_of(http) == b"2"
        assert server.connections == 2
        await http.aclose()


@pytest.mark.parametrize("head", [b"Connection: close\r\n", b""])
async def test_a_connection_is_not_kept_when_the_server_or_its_age_says_so(head: bytes) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.say(whole(b"{}", extra=head))

    async with scripted(script) as server:
        http = client(server, Limits(idle_s=60 if head else 0.0))
        await body_of(http)
        await body_of(http)
        assert server.connections == 2
        await http.aclose()


@pytest.mark.parametrize(
    ("said", "failure"),
    [
        (b"", SilenceTooLong),
        (b"HTTP/1.1 200 OK\r\n", SilenceTooLong),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", SilenceTooLong),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", SilenceTooLong),
        (b"SSH-2.0-x\r\n", BadResponse),
        (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", BadResponse),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", BadResponse),
        (b"HTTP/1.1 200 OK\r\nA: " + b"x" * 70_000, BadResponse),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 15_000 + b"\r\n", BadResponse),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", HttpFailure),
    ],
)
async def test_what_is_late_or_wrong_is_told_and_closed(said: bytes, failure: type[HttpFailure]) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.say(said)
        await asyncio.wait_for(exchange.closed.wait(), 60)

    async with scripted(script) as server:
        with pytest.raises(failure):
            await body_of(client(server, SHORT if failure is SilenceTooLong else DEFAULT_LIMITS))
        await until(server.exchanges[0].closed.is_set)


async def test_a_body_over_the_limit_is_refused() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.say(whole(b"x" * 2000))

    async with scripted(script) as server:
        with pytest.raises(BadResponse):
            await body_of(client(server), limit=1000)


async def test_no_server() -> None:
    with pytest.raises(ConnectFailed):
        await PlainClient("127.0.0.1", free_port()).send(lambda _: GET)


async def test_close_and_cancel_end_the_connection_at_once() -> None:
    async def script(exchange: Exchange) -> None:
        if exchange.number == 1:
            await exchange.say(EVENT_STREAM, chunk(b"data: x\n\n"))
        await asyncio.wait_for(exchange.closed.wait(), 60)

    async with scripted(script) as server:
        http = client(server)
        response = await http.send(lambda _: GET)
        assert await response.chunk() == b"data: x\n\n"
        response.close()
        await until(server.exchanges[0].closed.is_set)
        waiting = asyncio.create_task(http.send(lambda _: GET))
        await until(lambda: len(server.exchanges) == 2)
        waiting.cancel()
        await until(server.exchanges[1].closed.is_set)


async def test_a_stream_that_is_told_to_finish_keeps_its_connection() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.say(EVENT_STREAM, chunk(b"data: [DONE]\n\n"))
        await asyncio.sleep(0.02)
        await exchange.say(b"0\r\n\r\n")

    async with scripted(script) as server:
        http = client(server)
        response = await http.send(lambda _: GET)
        assert await response.chunk() == b"data: [DONE]\n\n"
        response.finish()
        response.close()
        await until(lambda: bool(http._idle))
        await (await http.send(lambda _: GET)).chunk()
        assert server.connections == 1
        await http.aclose()


async def test_a_whole_body_waits_for_its_reader() -> None:
    sent = 0

    async def script(exchange: Exchange) -> None:
        nonlocal sent
        await exchange.say(b"HTTP/1.1 200 OK\r\nContent-Length: 33554432\r\n\r\n")
        for _ in range(512):
            await exchange.say(b"x" * 65_536)
            sent += 1

    async with scripted(script) as server:
        http = client(server, Limits(first_byte_s=0.8, between_bytes_s=0.4))
        response = await http.send(lambda _: GET)
        before = -1
        while sent != before:  # the server stops when the sockets are full
            before = sent
            await asyncio.sleep(0.9)  # longer than both limits: a paused reader is no silence
        assert sent < 512
        assert len(await response.read(1 << 26)) == 33_554_432
        await http.aclose()


async def test_a_live_stream_never_pauses_the_engine_and_ends_for_a_slow_reader() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.say(EVENT_STREAM, chunk(b"first"))
        await asyncio.sleep(0.02)
        for _ in range(64):
            await exchange.say(chunk(b"x" * 65_536))

    async with scripted(script) as server:
        http = client(server)
        response = await http.send(lambda _: GET)
        assert await response.chunk() == b"first"
        await until(server.exchanges[0].closed.is_set)
        with pytest.raises(ReaderTooSlow):
            await drained(response)


async def test_a_head_can_not_be_broken_into() -> None:
    with pytest.raises(ValueError, match="line break"):
        PlainClient("127.0.0.1", 1)._message(Request("GET", "/", (("A", "b\r\nC: d"),)))

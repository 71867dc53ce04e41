"""Readers who take nothing: their engines go on, their places are free, and others do not notice."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest

from tests.faults.pool.calls import CHAT, Clients, Told
from tests.faults.pool.replicas import INPUT_NANO, MODEL, OUTPUT_NANO, Fleet, fleet
from tests.watched import Watched

STALLED, GOOD = 16, 12
TOKENS = 1_200


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Each replica runs four calls at once; nobody is cut for the time that a busy machine takes."""
    folder = tmp_path_factory.mktemp("readers")
    env = {"BATCHIN_MAX_RUNNING": "4", "BATCHIN_SEND_TIMEOUT_S": "600"}
    with fleet(folder, tick_s=0.0005, **env) as made:
        yield made


@contextmanager
def stalled(watched: Watched, number: int, **more: Any) -> Iterator[str]:
    """A reader who takes the head of a stream and nothing more; the run's id."""
    body = {
        "model": MODEL,
        "messages": [{"role": "user", "content": f"stalled {number}"}],
        "max_tokens": TOKENS,
        "stream": True,
        **more,
    }
    data = orjson.dumps(body)
    lines = (
        f"POST {CHAT} HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: application/json",
        f"Authorization: Bearer {watched.server.api_key}",
        f"Content-Length: {len(data)}",
    )
    at = urlsplit(watched.server.url)
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        sock.settimeout(60)
        sock.connect((at.hostname, at.port))
        sock.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + data)
        head = b""
        while b"x-batchin-run-id: " not in head or b"\r\n\r\n" not in head:
            head += sock.recv(256)
        yield head.partition(b"x-batchin-run-id: ")[2].partition(b"\r\n")[0].decode()


def running(behind: Fleet) -> int:
    return behind.one.running() + behind.other.running()


def booked(watched: Watched, run_id: str) -> tuple[str, int, int, int]:
    columns = "status, input_tokens, output_tokens, charged_nano_usd"
    query = f"SELECT {columns} FROM usage WHERE run_id = ?"
    watched.eventually("the run is booked", lambda: watched.rows(query, run_id), 60)
    (row,) = watched.rows(query, run_id)
    return row[0], int(row[1]), int(row[2]), int(row[3])


def test_places_are_free_when_the_engine_is_done_whatever_its_reader_does(behind: Fleet) -> None:
    watched = behind.watched

    async def good() -> list[Told]:
        calls = [Told() for _ in range(GOOD)]
        async with Clients(watched.server) as clients:
            await asyncio.gather(*(clients.stream(16, told) for told in calls))
        return calls

    with ExitStack() as stack:
        runs = [stack.enter_context(stalled(watched, number)) for number in range(STALLED)]
        assert [told for told in asyncio.run(good()) if not told.ended] == []
        for run_id in runs:  # the engine was never paused: each answer was made whole
            status, given, made, charged = booked(watched, run_id)
            assert (status, made) == ("completed", TOKENS)
            assert charged == given * INPUT_NANO + made * OUTPUT_NANO
    watched.eventually("nothing is held", lambda: watched.money().holds == 0)


def test_a_reader_too_far_behind_is_cut_and_pays_for_what_was_generated(behind: Fleet) -> None:
    watched = behind.watched
    with stalled(watched, 0, n=4, logprobs=True, top_logprobs=20) as run_id:  # megabytes
        status, given, made, charged = booked(watched, run_id)
        assert status == "partial"
        assert 100 < made < 4 * TOKENS
        assert charged == given * INPUT_NANO + made * OUTPUT_NANO
        watched.eventually(
            "its engine is free", lambda: behind.one.running() + behind.other.running() == 0
        )
    watched.eventually("nothing is held", lambda: watched.money().holds == 0)


def test_a_reader_who_leaves_stops_its_engine_and_pays_for_what_it_had_made(behind: Fleet) -> None:
    watched = behind.watched

    async def leave() -> Told:
        told = Told()
        async with Clients(watched.server) as clients:
            stream = asyncio.create_task(clients.stream(TOKENS, told))
            await asyncio.wait_for(told.began.wait(), 60)
            stream.cancel()
            await asyncio.gather(stream, return_exceptions=True)
        return told

    told = asyncio.run(leave())
    watched.eventually("its engine is free", lambda: running(behind) == 0)
    status, given, made, charged = booked(watched, told.run_id)
    assert status == "partial"
    assert len(told.words) <= made < TOKENS
    assert charged == given * INPUT_NANO + made * OUTPUT_NANO

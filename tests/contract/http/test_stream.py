"""Streams over HTTP that don't end well: readers who leave or stall, an engine that dies."""

import os
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson
import pytest

from tests.children import CHAT_ENGINE, child_of, wait_until_idle
from tests.contract.http.raw import request
from tests.long_answer import LONG
from tests.watched import Watched

CHAT = "/v1/chat/completions"
STORY: dict[str, Any] = LONG | {"stream": True}
SHORT = STORY | {"max_tokens": 3, "stream": False}
INPUT_NANO, OUTPUT_NANO = 20, 80  # of one token, at the default prices


def client(watched: Watched) -> httpx.Client:
    headers = {"authorization": f"Bearer {watched.server.api_key}"}
    return httpx.Client(base_url=watched.server.url, headers=headers, timeout=60, trust_env=False)


@contextmanager
def story(watched: Watched) -> Iterator[tuple[httpx.Response, Iterator[str]]]:
    """A long stream, and its lines."""
    with client(watched) as http, http.stream("POST", CHAT, json=STORY) as answer:
        assert answer.status_code == 200, answer.read()
        yield answer, answer.iter_lines()


def texts(lines: Iterator[str], most: int) -> list[str]:
    """The first pieces of text that are not empty."""
    pieces: list[str] = []
    for line in lines:
        if line.startswith("data: {"):
            choices = orjson.loads(line.removeprefix("data: "))["choices"]
            pieces += [piece for c in choices if (piece := c["delta"].get("content"))]
        if len(pieces) >= most:
            break
    return pieces


def usage_of(watched: Watched, run_id: str) -> dict[str, Any] | None:
    columns = ("status", "input_tokens", "output_tokens", "charged_nano_usd")
    rows = watched.rows(f"SELECT {', '.join(columns)} FROM usage WHERE run_id = ?", run_id)
    return dict(zip(columns, rows[0], strict=True)) if rows else None


def check_partial(watched: Watched, run_id: str, heard: int) -> None:
    """A run that was cut is charged exactly for its tokens, recorded as partial, and holds nothing."""
    watched.eventually("the cut run is booked", lambda: usage_of(watched, run_id))
    usage = usage_of(watched, run_id)
    assert usage is not None
    assert usage["status"] == "partial"
    assert heard <= usage["output_tokens"] < STORY["max_tokens"]
    exact = usage["input_tokens"] * INPUT_NANO + usage["output_tokens"] * OUTPUT_NANO
    assert usage["charged_nano_usd"] == exact
    verdict = watched.http.get(f"/v1/vaas/{run_id}/verify").json()
    assert verdict["valid"] is True, verdict
    evidence = watched.http.get(f"/v1/vaas/{run_id}/evidence").json()["payload"]
    assert evidence["status"] == "partial"
    assert evidence["usage"]["output_tokens"] == usage["output_tokens"]
    assert watched.money().holds == 0


def test_a_reader_who_leaves_frees_the_engine_and_pays_for_what_was_delivered(
    watched: Watched,
) -> None:
    engine = child_of(watched.server, CHAT_ENGINE)
    before = watched.money().accounts
    with watched.logged() as lines:
        with story(watched) as (answer, stream):
            heard = texts(stream, 8)
            run_id = answer.headers["x-batchin-run-id"]
        took_s = wait_until_idle(engine)
        check_partial(watched, run_id, len(heard))
    print(f"the engine was idle {took_s:.2f} s after its reader left")
    after = watched.money().accounts
    (changed,) = [name for name in after if after[name] != before[name]]
    usage = usage_of(watched, run_id)
    assert usage is not None
    assert before[changed][0] - after[changed][0] == usage["charged_nano_usd"]
    (line,) = [line for line in lines if line.get("run_id") == run_id]
    assert line["outcome"] == "cancelled"
    assert line["output_tokens"] == usage["output_tokens"]


def test_a_reader_who_closes_his_half_has_left(watched: Watched) -> None:
    engine = child_of(watched.server, CHAT_ENGINE)
    key = b"Authorization: Bearer " + watched.server.api_key.encode()
    at = urlsplit(watched.server.url)
    with socket.create_connection((at.hostname, at.port or 80)) as connection:
        connection.sendall(request(CHAT, orjson.dumps(STORY), key))
        heard = b""
        while heard.count(b"data: ") < 5:
            heard += connection.recv(4096)
        run_id = _header(heard, b"x-batchin-run-id")
        connection.shutdown(socket.SHUT_WR)
        wait_until_idle(engine)
        check_partial(watched, run_id, 0)


@pytest.mark.parametrize("padding", [0, 300_000], ids=["small", "large"])
def test_a_reader_who_leaves_before_the_first_word_pays_nothing(watched: Watched, padding: int) -> None:
    """A large body pauses the reading of its connection, and a paused connection never ends."""
    engine = child_of(watched.server, CHAT_ENGINE)
    before = watched.money()
    body = orjson.dumps(STORY | {"stream": False}) + b" " * padding
    key = b"Authorization: Bearer " + watched.server.api_key.encode()
    at = urlsplit(watched.server.url)
    with watched.logged() as lines:
        with socket.create_connection((at.hostname, at.port or 80)) as connection:
            connection.sendall(request(CHAT, body, key))
            watched.eventually("the call is held", lambda: watched.money().holds == 1)
        watched.eventually("it is let go", lambda: watched.money().holds == 0)
        wait_until_idle(engine)
    assert watched.money() == before
    assert [line["outcome"] for line in lines if line["tool"] == "chat"] == ["cancelled"]


def test_a_stalled_reader_is_cut_and_disturbs_nobody(hasty: Watched) -> None:
    engine = child_of(hasty.server, CHAT_ENGINE)
    body = STORY | {"n": 2, "logprobs": True, "top_logprobs": 20}
    key = b"Authorization: Bearer " + hasty.server.api_key.encode()
    at = urlsplit(hasty.server.url)
    with socket.socket() as stalled:
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stalled.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)  # small buffers on the way too
        stalled.connect((at.hostname, at.port))
        stalled.sendall(request(CHAT, orjson.dumps(body), key))
        head = stalled.recv(1024)  # and no byte more
        run_id = _header(head, b"x-batchin-run-id")
        with client(hasty) as http:
            while usage_of(hasty, run_id) is None:
                assert http.post(CHAT, json=SHORT).status_code == 200
        wait_until_idle(engine)
    usage = usage_of(hasty, run_id)
    assert usage is not None
    assert usage["status"] == "partial"
    assert usage["output_tokens"] < 2 * STORY["max_tokens"]
    assert hasty.money().holds == 0


def _header(head: bytes, name: bytes) -> str:
    (line,) = [line for line in head.split(b"\r\n") if line.lower().startswith(name + b":")]
    return line.partition(b":")[2].strip().decode()


def test_an_engine_that_dies_in_a_stream_is_paid_for_what_it_delivered(hasty: Watched) -> None:
    engine, restarts = child_of(hasty.server, CHAT_ENGINE), _restarts(hasty)
    with hasty.logged() as lines:
        with story(hasty) as (answer, stream):
            heard = texts(stream, 8)
            os.kill(engine, signal.SIGKILL)
            rest = [line for line in stream if line]
            run_id = answer.headers["x-batchin-run-id"]
        assert not [line for line in rest if "[DONE]" in line or '"vaas"' in line]
        error = orjson.loads(rest[-1].removeprefix("data: "))["error"]
        assert error["code"] == "engine_error"
        assert "partial" in error["resolution"]
        check_partial(hasty, run_id, len(heard))
        _check_back(hasty, engine, restarts)
    (line,) = [line for line in lines if line.get("run_id") == run_id]
    assert line["outcome"] == "engine_error"


def test_an_engine_that_dies_before_the_answer_costs_nothing(hasty: Watched) -> None:
    engine, restarts = child_of(hasty.server, CHAT_ENGINE), _restarts(hasty)
    before = hasty.money()
    with hasty.logged() as lines:
        answer = _killed_meanwhile(hasty, engine)
        assert answer.status_code == 502
        assert "x-should-retry" not in answer.headers
        error = answer.json()["error"]
        assert error["code"] == "engine_error"
        assert "Nothing was charged" in error["resolution"]
    hasty.eventually("all is given back", lambda: hasty.money() == before)  # on the disk a moment later
    calls = [line for line in lines if line.get("tool") == "chat"]
    assert [(line["outcome"], line["cost_usd"]) for line in calls] == [("engine_error", "0.00")]
    _check_back(hasty, engine, restarts)


def _check_back(watched: Watched, engine: int, restarts: int) -> None:
    """It was started once more; there is another process now, and it works."""
    watched.eventually("it is started again", lambda: _restarts(watched) == restarts + 1)
    watched.eventually("all is well", lambda: watched.http.get("/health").status_code == 200)
    with client(watched) as http:
        assert http.post(CHAT, json=SHORT).status_code == 200
    assert child_of(watched.server, CHAT_ENGINE) != engine


def _killed_meanwhile(watched: Watched, engine: int) -> httpx.Response:
    """A whole call whose engine is killed while it works on it."""
    with client(watched) as http, ThreadPoolExecutor(1) as pool:
        answer = pool.submit(http.post, CHAT, json=STORY | {"stream": False})
        watched.eventually("the call is held", lambda: watched.money().holds == 1)
        os.kill(engine, signal.SIGKILL)
        return answer.result(60)


def _restarts(watched: Watched) -> int:
    return sum(engine["restarts"] for engine in watched.http.get("/readyz").json()["engines"])

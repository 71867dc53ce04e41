"""Pictures by the official openai SDK, against the real server and its embedded illustrator."""

import base64
import hashlib
import io
import os
import signal
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from settlement.evidence.bodies import response_hash
from tests.live import LiveServer
from tests.watched import Watched

PAINTER = "flux-schnell"
FOX = "a fluffy fox in a snowy forest"
CHILD = b"runtime.local.illustrator.child"


@pytest.fixture(scope="module")
def client(live_server: LiveServer) -> Iterator[OpenAI]:
    with OpenAI(base_url=live_server.url + "/v1", api_key=live_server.api_key, max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def watched(live_server: LiveServer) -> Watched:
    return Watched(live_server)


@pytest.fixture(scope="module")
def http(live_server: LiveServer) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {live_server.api_key}"}
    with httpx.Client(base_url=live_server.url, headers=headers, timeout=60, trust_env=False) as http:
        yield http


def size_of(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def post(http: httpx.Client, **fields: Any) -> httpx.Response:
    body = {"model": PAINTER, "prompt": "a cat", "size": "64x64", **fields}
    return http.post("/v1/images", json={k: v for k, v in body.items() if v is not ...})


def test_a_link_is_the_key_of_its_picture(client: OpenAI, http: httpx.Client) -> None:
    answer = client.images.generate(model=PAINTER, prompt=FOX, size="512x512", n=2)
    assert answer.data is not None
    links = [picture.url for picture in answer.data]
    assert len(set(links)) == 2
    found = httpx.get(str(links[0]), trust_env=False)
    assert (found.status_code, found.headers["content-type"]) == (200, "image/png")
    assert size_of(found.content) == (512, 512)
    head = httpx.head(str(links[0]), trust_env=False)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(found.content))


def test_a_picture_is_named_in_its_evidence(http: httpx.Client) -> None:
    answer = post(http, prompt=FOX, response_format="b64_json", seed=7)
    body = answer.json()
    assert (body["model"], answer.headers["x-batchin-served-model"]) == (PAINTER, "embedded-illustrator")
    record = http.get(f"/v1/vaas/{body['vaas_record_id']}/evidence").json()["payload"]
    assert record["output_hash"] == response_hash("image", body)
    [picture] = body["data"]
    assert picture["revised_prompt"] == "1 x fox; forest; snow"
    assert picture["ignored"] == ["fluffy"]
    assert record["details"] == {"pictures": [picture["facts"]]}
    assert picture["facts"]["matched"][0]["concept"] == "fox"
    assert (record["usage"]["images"], record["charged_nano_usd"]) == (1, 1_000_000)
    assert "fluffy" not in str(record)


def test_the_same_seed_gives_the_same_picture(http: httpx.Client) -> None:
    one, two = (
        post(http, response_format="b64_json", seed=seed, n=None, quality=None).json()["data"][0]
        for seed in (5, 5)
    )
    assert one == two


def test_the_file_of_a_link_is_what_was_signed(http: httpx.Client) -> None:
    body = post(http).json()
    png = http.get(body["data"][0]["url"]).content
    record = http.get(f"/v1/vaas/{body['vaas_record_id']}/evidence").json()["payload"]
    assert record["output_hash"] == response_hash("image", png)
    assert record["output_hash"] == "sha256:" + hashlib.sha256(png).hexdigest()


@pytest.mark.parametrize(
    "path",
    ["A" * 32, "../../keys/pepper", "..%2f..%2fkeys%2fpepper", "%00", "a" * 4000, "%2e%2e"],
)
def test_other_links_open_nothing(http: httpx.Client, path: str) -> None:
    assert http.get(f"/images/generated/{path}.png").status_code == 404


WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "an unknown word": ({"prompt": "a cat and a lighthouse"}, "not_in_vocabulary", "prompt"),
    "markup": (
        {"prompt": "<svg onload='x()'><image href='file:///etc/passwd'/>"},
        "not_in_vocabulary",
        "prompt",
    ),
    "nothing": ({"prompt": " \n "}, "invalid_request", "prompt"),
    "too much": ({"prompt": "a cat on " * 400 + "a dog"}, "invalid_request", "prompt"),
    "a long prompt": ({"prompt": "a" * 4001}, "invalid_request", "prompt"),
    "a huge size": ({"size": "100000x100000"}, "invalid_request", "size"),
    "a thousand": ({"n": 1000}, "invalid_request", "n"),
    "a style": ({"style": "vivid"}, "invalid_request", "style"),
    "a chat model": ({"model": "qwen3-32b"}, "invalid_request", "model"),
}


@pytest.mark.parametrize(("change", "code", "param"), WRONG.values(), ids=WRONG)
def test_what_can_t_be_drawn_costs_nothing(
    watched: Watched, http: httpx.Client, change: dict[str, Any], code: str, param: str
) -> None:
    with watched.free_of_charge():
        answer = post(http, **change)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, code, param)
    assert error["resolution"]
    assert answer.headers["x-should-retry"] == "false"


def test_an_unknown_word_is_named_with_what_is_near(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.images.generate(model=PAINTER, prompt="a harpsichord in a room")
    assert refused.value.code == "not_in_vocabulary"
    assert "harpsichord" in refused.value.message
    assert "flute" in refused.value.message


def test_a_word_in_any_script_is_read(http: httpx.Client) -> None:
    for prompt in ("🦊 in a 🏜️", "\u202ea cat\u202c", "a\u0301 cat", "\uff23\uff21\uff34"):
        assert post(http, prompt=prompt).status_code == 200, prompt


def test_twenty_at_once(http: httpx.Client) -> None:
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda n: post(http, prompt=f"{n} cats"), range(1, 21)))
    assert [answer.status_code for answer in answers] == [200] * 20
    assert len({answer.json()["data"][0]["url"] for answer in answers}) == 20


def test_edits_and_videos_have_no_engine_and_no_price(http: httpx.Client, client: OpenAI) -> None:
    with pytest.raises(openai.InternalServerError) as refused:
        client.images.edit(model=PAINTER, image=io.BytesIO(b"png"), prompt="a hat on it")
    assert refused.value.code == "engine_not_configured"
    video = {"model": "wan-2.2", "prompt": "waves", "duration_seconds": 5, "aspect_ratio": "16:9"}
    for door in (http, httpx.Client(base_url=http.base_url, trust_env=False)):
        answer = door.post("/v1/videos", json=video)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "engine_not_configured")
        assert "payment-required" not in answer.headers
        assert answer.headers["x-should-retry"] == "false"


def test_a_chat_that_can_t_see_says_so(http: httpx.Client) -> None:
    seen = [{"type": "image_url", "image_url": {"url": "https://pictures.example/cat.png"}}]
    body = {"model": "qwen3-32b", "messages": [{"role": "user", "content": seen}]}
    answer = http.post("/v1/chat/completions", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"].startswith("messages.0.content")
    assert "image" in answer.json()["error"]["message"]


def test_base64_is_the_whole_file(client: OpenAI) -> None:
    answer = client.images.generate(
        model=PAINTER, prompt="a red apple", response_format="b64_json", size="1024x1024"
    )
    assert answer.data is not None
    assert size_of(base64.b64decode(answer.data[0].b64_json or "")) == (1024, 1024)


def test_an_illustrator_that_dies_charges_nothing_and_comes_back(
    watched: Watched, http: httpx.Client
) -> None:
    """It draws until it dies: what was drawn before is charged, what it drew then is not."""
    before, (count, charged) = _posted(watched), _charges(watched)

    def draw() -> list[httpx.Response]:
        answers = [post(http, size="2048x2048", n=10, prompt="60 cats")]
        while answers[-1].status_code == 200:
            answers.append(post(http, size="2048x2048", n=10, prompt="60 cats"))
        return answers

    with ThreadPoolExecutor(1) as threads:
        drawing = threads.submit(draw)
        watched.eventually("it draws", lambda: watched.money().holds == 1)
        for pid in _children(watched.server.process.pid):
            os.kill(pid, signal.SIGKILL)
        *drawn, refused = drawing.result()
    assert refused.status_code in (502, 503)
    watched.eventually("nothing is held", lambda: watched.money().holds == 0)
    drawn_since, charged_since = _charges(watched)
    assert drawn_since - count == len(drawn)
    assert before - _posted(watched) == charged_since - charged
    watched.eventually("it is back", lambda: post(http).status_code == 200)


def _charges(watched: Watched) -> tuple[int, int]:
    """How many calls drew pictures, and what they were charged in nano-USD."""
    [(count, charged)] = watched.rows(
        "SELECT count(*), coalesce(sum(charged_nano_usd), 0) FROM usage WHERE tool = 'image'"
    )
    return count, charged


def _posted(watched: Watched) -> int:
    """What all accounts have, in nano-USD."""
    return sum(posted for posted, _ in watched.money().accounts.values())


def _children(parent: int) -> Iterator[int]:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            of = int(stat.read_text().rpartition(")")[2].split()[1])
            if of == parent and CHILD in (stat.parent / "cmdline").read_bytes():
                yield int(stat.parent.name)
        except OSError:
            continue

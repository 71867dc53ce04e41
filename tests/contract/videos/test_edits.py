"""Pictures that are changed: POST /v1/images/edits and the image tool's pictures."""

import base64
import struct
from typing import Any

import httpx
import openai
import pytest

from tests.contract.videos.conftest import Studio
from tests.contract.videos.test_mcp import called
from tests.fake_sglang.media import gray

pytestmark = pytest.mark.asyncio(loop_scope="session")

EDITS = "/v1/images/edits"
ASKED = {"model": "painter", "prompt": "a hat", "size": "256x256", "seed": "7"}


def file(data: bytes, name: str = "image") -> tuple[str, tuple[str, bytes, str]]:
    return name, ("picture.png", data, "image/png")


async def test_the_official_sdk_changes_pictures(studio: Studio) -> None:
    async with studio.openai() as client:
        answer = await client.images.edit(
            model="painter",
            image=[("a.png", gray(64, 64, 1)), ("b.png", gray(64, 64, 2))],
            prompt="a hat",
            n=2,
            size="256x256",
            response_format="b64_json",
            extra_body={"seed": 7},
        )
    assert answer.data is not None
    files = [base64.b64decode(entry.b64_json or "") for entry in answer.data]
    assert files == [gray(256, 256, 5), gray(256, 256, 6)]
    (seen,) = studio.fake.seen
    assert (seen["image"], seen["prompt"], seen["n"]) == (2, b"a hat", b"2")


async def test_one_picture_is_charged_by_the_picture_and_signed(
    studio: Studio, http: httpx.AsyncClient
) -> None:
    answer = await http.post(EDITS, data=ASKED, files=[file(gray(64, 64, 1))])
    assert answer.status_code == 200, answer.text
    (entry,) = answer.json()["data"]
    assert (await http.get(entry["url"])).content == gray(256, 256, 6)
    run_id = answer.headers["x-batchin-run-id"]
    query = "SELECT images, charged_nano_usd FROM usage WHERE run_id = ?"
    assert studio.watched.rows(query, run_id) == [(1, 10_000_000)]
    verdict = (await http.get(f"/v1/audit/{run_id}/verify")).json()
    assert verdict["valid"]


async def test_json_and_mcp_take_data_urls(studio: Studio, http: httpx.AsyncClient) -> None:
    url = "data:image/png;base64," + base64.b64encode(gray(64, 64, 1)).decode()
    body: dict[str, Any] = {"model": "painter", "prompt": "a hat", "image": url, "size": "256x256"}
    assert (await http.post(EDITS, json=body)).status_code == 200
    told = await called(http, "image", **body | {"image": [url], "seed": 7})
    assert not told["isError"], told
    assert base64.b64decode(told["content"][0]["data"]) == gray(256, 256, 6)


def bomb() -> bytes:
    head = bytearray(gray(8, 8, 0))
    head[16:24] = struct.pack(">II", 50_000, 50_000)
    return bytes(head)


@pytest.mark.parametrize(
    ("change", "files", "status", "param"),
    [
        ({}, [], 400, "image"),
        ({}, [file(b"")], 400, "image"),
        ({}, [file(b"GIF89a" + bytes(9))], 400, "image"),
        ({}, [file(bomb())], 400, "image"),
        ({}, [file(gray(8, 8, 0)), file(gray(8, 8, 0))], 400, "image"),
        ({}, [file(gray(8, 8, 0), "image[]")] * 9, 400, "image[]"),
        ({}, [file(gray(8, 8, 0)), file(gray(8, 8, 0), "mask")], 400, "mask"),
        ({"model": "sketcher"}, [file(gray(8, 8, 0))], 400, "model"),
        ({"model": "wan"}, [file(gray(8, 8, 0))], 400, "model"),
        ({"model": "none"}, [file(gray(8, 8, 0))], 404, "model"),
        ({"size": "9x9"}, [file(gray(8, 8, 0))], 400, "size"),
        ({"n": "x"}, [file(gray(8, 8, 0))], 400, "n"),
        ({"image": "data:image/png;base64,x"}, [], 400, "image"),
    ],
)
async def test_what_is_wrong_never_reaches_the_engine(
    studio: Studio,
    http: httpx.AsyncClient,
    change: dict[str, str],
    files: list[Any],
    status: int,
    param: str,
) -> None:
    form: Any = files or {"user": (None, "me")}  # a form without a file
    async with studio.client() as nobody:
        for door in (http, nobody):
            answer = await door.post(EDITS, data=ASKED | change, files=form)
            error = answer.json()["error"]
            assert (answer.status_code, error["param"]) == (status, param), answer.text
            assert "payment-required" not in answer.headers
    assert studio.fake.seen == []


async def test_an_edit_without_key_asks_for_money_after_it_was_looked_at(studio: Studio) -> None:
    async with studio.client() as nobody:
        answer = await nobody.post(EDITS, data=ASKED, files=[file(gray(64, 64, 1))])
        assert answer.status_code == 402
        assert "payment-required" in answer.headers


async def test_new_pictures_of_a_model_that_edits(studio: Studio) -> None:
    async with studio.openai() as client:
        answer = await client.images.generate(
            model="painter", prompt="x", size="256x256", response_format="b64_json"
        )
        assert answer.data
        with pytest.raises(openai.BadRequestError):
            await client.images.edit(model="sketcher", image=gray(8, 8, 1), prompt="x")

"""Files by the official openai SDK, unchanged, and by hand where the SDK can't misbehave."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from tests.live import LiveServer

DATA = b'{"custom_id": "a"}\n' * 20_000


@pytest.fixture
def http(live_server: LiveServer) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {live_server.api_key}"}
    with httpx.Client(base_url=live_server.url + "/v1", headers=headers) as client:
        yield client


def test_a_file_goes_up_is_listed_read_and_deleted(client: OpenAI, tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(DATA)
    with path.open("rb") as opened:
        made = client.files.create(file=opened, purpose="batch")
    assert (made.object, made.bytes, made.filename) == ("file", len(DATA), "in.jsonl")
    assert (made.purpose, made.status) == ("batch", "processed")
    assert client.files.retrieve(made.id) == made
    assert made in list(client.files.list(purpose="batch"))
    content = client.files.content(made.id)
    assert content.content == DATA
    assert content.response.headers["content-type"] == "application/jsonl"
    assert content.response.headers["etag"] == f'"{hashlib.sha256(DATA).hexdigest()}"'
    assert content.response.headers["x-content-type-options"] == "nosniff"
    assert client.files.delete(made.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(made.id)
    with pytest.raises(openai.NotFoundError):
        client.files.content(made.id)
    with pytest.raises(openai.NotFoundError):
        client.files.delete(made.id)


async def test_the_same_with_the_asynchronous_client(live_server: LiveServer) -> None:
    async with AsyncOpenAI(base_url=live_server.url + "/v1", api_key=live_server.api_key) as client:
        made = await client.files.create(file=("x.txt", b"text"), purpose="user_data")
        assert (await client.files.content(made.id)).content == b"text"
        assert (await client.files.retrieve(made.id)).id == made.id
        assert made.id in [file.id async for file in client.files.list(purpose="user_data")]
        assert (await client.files.delete(made.id)).deleted


def test_the_sdk_pages_through_a_list(client: OpenAI) -> None:
    made = [client.files.create(file=("p", b"x"), purpose="vision").id for _ in range(5)]
    newest = [file.id for file in client.files.list(purpose="vision", limit=2)]
    assert newest == made[::-1]
    oldest = [file.id for file in client.files.list(purpose="vision", limit=2, order="asc")]
    assert oldest == made
    for file_id in made:
        client.files.delete(file_id)


def test_a_file_says_how_long_it_lives(client: OpenAI) -> None:
    made = client.files.create(
        file=("x", b"x"), purpose="batch", expires_after={"anchor": "created_at", "seconds": 3600}
    )
    assert made.expires_at == made.created_at + 3600
    with pytest.raises(openai.BadRequestError) as caught:
        client.files.create(
            file=("x", b"x"), purpose="batch", expires_after={"anchor": "created_at", "seconds": 3599}
        )
    assert caught.value.param == "expires_after"


def test_nobody_else_sees_or_touches_it(
    client: OpenAI, stranger: OpenAI, live_server: LiveServer
) -> None:
    made = client.files.create(file=("mine", b"mine"), purpose="batch")
    for call in (stranger.files.retrieve, stranger.files.content, stranger.files.delete):
        with pytest.raises(openai.NotFoundError) as foreign:
            call(made.id)
        with pytest.raises(openai.NotFoundError) as unknown:
            call("file_" + "0" * 32)
        assert foreign.value.body == unknown.value.body
    assert made.id not in [file.id for file in stranger.files.list()]
    assert client.files.content(made.id).content == b"mine"
    for path in ("", f"/{made.id}", f"/{made.id}/content"):
        assert httpx.get(f"{live_server.url}/v1/files{path}").status_code == 401
    client.files.delete(made.id)


@pytest.mark.parametrize(
    ("asked", "status", "start", "end"),
    [
        ("bytes=0-9", 206, 0, 10),
        ("bytes=100-", 206, 100, None),
        ("bytes=-7", 206, -7, None),
        ("bytes=379990-999999999", 206, 379_990, None),
        ("bytes=0-0,5-6", 200, 0, None),
        ("bytes=9-5", 200, 0, None),
        ("lines=1-2", 200, 0, None),
        ("bytes=x", 200, 0, None),
    ],
)
def test_one_range(
    client: OpenAI, http: httpx.Client, asked: str, status: int, start: int, end: int | None
) -> None:
    made = client.files.create(file=("r", DATA), purpose="batch")
    answer = http.get(f"/files/{made.id}/content", headers={"Range": asked})
    assert (answer.status_code, answer.content) == (status, DATA[start:end])
    if status == 206:
        begin = start % len(DATA)
        named = f"bytes {begin}-{begin + len(answer.content) - 1}/{len(DATA)}"
        assert answer.headers["content-range"] == named
    client.files.delete(made.id)


def test_a_range_outside_is_416(client: OpenAI, http: httpx.Client) -> None:
    made = client.files.create(file=("r", b"12345"), purpose="batch")
    answer = http.get(f"/files/{made.id}/content", headers={"Range": "bytes=5-"})
    assert (answer.status_code, answer.headers["content-range"]) == (416, "bytes */5")
    assert answer.json()["error"]["code"] == "range_not_satisfiable"
    client.files.delete(made.id)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "purpose"),
        ({"purpose": "everything"}, "purpose"),
        ({"purpose": "batch", "mode": "fast"}, "mode"),
        ({"purpose": "batch", "expires_after[seconds]": "3600"}, "expires_after"),
    ],
)
def test_wrong_fields_are_named(http: httpx.Client, fields: dict[str, str], param: str) -> None:
    answer = http.post("/files", data=fields, files={"file": ("x", b"x")})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_wrong_bodies_methods_and_queries(http: httpx.Client) -> None:
    assert http.post("/files", json={}).status_code == 415
    assert http.post("/files", data={"purpose": "batch"}).status_code == 415
    put = http.put("/files")
    assert (put.status_code, set(put.headers["allow"].split(", "))) == (405, {"GET", "HEAD", "POST"})
    for query in ("limit=0", "limit=10001", "limit=x", "order=up"):
        assert http.get(f"/files?{query}").status_code == 400


def test_a_cut_upload_leaves_nothing(live_server: LiveServer, client: OpenAI) -> None:
    """The client goes away in the midst of its file."""
    import socket
    import time

    before = {file.id for file in client.files.list()}
    host, port = live_server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as sock:
        sock.sendall(
            b"POST /v1/files HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n"
            b"Authorization: Bearer " + live_server.api_key.encode() + b"\r\n"
            b"Content-Type: multipart/form-data; boundary=B\r\n\r\n"
            b'--B\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n' + b"x" * 200_000
        )
        incoming = live_server.data_dir / "objects" / "incoming"
        deadline = time.monotonic() + 60
        while not list(incoming.iterdir()) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert list(incoming.iterdir())
    while list(incoming.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert list(incoming.iterdir()) == []
    assert {file.id for file in client.files.list()} == before

"""Webhooks of batches: signed as Standard Webhooks, checked by the official SDK, tried again, logged."""

import asyncio
import json
import shutil
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, Self

import httpx
import openai
import pytest
from openai import OpenAI

from tests.live import LiveServer, running
from tests.node import OPENAI_FOR_NODE, installed, node, run
from tests.operator import new_key

PATIENCE_S = 30
TYPESCRIPT = Path(__file__).parent / "typescript"


class Receiver:
    """A customer's endpoint: keeps what arrives, answers with what it is told."""

    def __init__(self) -> None:
        self.got: list[tuple[bytes, dict[str, str]]] = []
        self.statuses: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.got.append((body, dict(self.headers.items())))
                self.send_response(receiver.statuses.pop(0) if receiver.statuses else 204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def message(self, number: int) -> tuple[bytes, dict[str, str]]:
        deadline = time.monotonic() + PATIENCE_S
        while len(self.got) <= number:
            assert time.monotonic() < deadline, f"{len(self.got)} messages came"
            time.sleep(0.02)
        return self.got[number]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """Batches that end at once: no engine is needed to tell of their end."""
    env = {"BATCHIN_X402": "false", "BATCHIN_OUTBOUND_ALLOW": '["127.0.0.1/32"]'}
    folder: Path = tmp_path_factory.mktemp("hooks") / "data"
    with running(folder, "--engine", "none", **env) as live:
        yield live


@pytest.fixture
def client(server: LiveServer) -> Iterator[OpenAI]:
    with OpenAI(base_url=server.url + "/v1", api_key=server.api_key, max_retries=0) as client:
        yield client


def submit(client: OpenAI, url: str) -> str:
    file = client.files.create(file=("in", b"not a task\n"), purpose="batch")
    made = client.batches.create(
        input_file_id=file.id,
        endpoint="/v1/embeddings",
        completion_window="24h",
        extra_body={"webhook_url": url},
    )
    return made.id


def secret(server: LiveServer, key: str, **body: bool) -> str:
    headers = {"Authorization": f"Bearer {key}"}
    answer = httpx.post(f"{server.url}/v1/webhooks/secret", headers=headers, json=body)
    return str(answer.raise_for_status().json()["secret"])


def log(server: LiveServer, key: str, batch_id: str) -> dict[str, Any] | None:
    """None until the batch has ended."""
    headers = {"Authorization": f"Bearer {key}"}
    data = httpx.get(f"{server.url}/v1/webhooks/deliveries", headers=headers).json()["data"]
    return next((entry for entry in data if entry["batch_id"] == batch_id), None)


def logged(server: LiveServer, key: str, batch_id: str, state: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE_S
    while (entry := log(server, key, batch_id)) is None or entry["state"] != state:
        assert time.monotonic() < deadline, entry
        time.sleep(0.02)
    return entry


def test_the_sdk_unwraps_what_arrives(server: LiveServer, client: OpenAI) -> None:
    with Receiver() as receiver:
        batch_id = submit(client, receiver.url)
        body, headers = receiver.message(0)
    event = client.webhooks.unwrap(body, headers, secret=secret(server, server.api_key))
    assert event.type == "batch.completed"
    assert event.data.id == batch_id
    assert event.id == headers["webhook-id"]
    entry = logged(server, server.api_key, batch_id, "delivered")
    assert (entry["attempts"], entry["last_status"]) == (1, 204)


@pytest.mark.peers
async def test_the_typescript_sdk_unwraps_what_arrives(
    server: LiveServer, client: OpenAI, tmp_path: Path
) -> None:
    with Receiver() as receiver:
        batch_id = await asyncio.to_thread(submit, client, receiver.url)
        body, headers = await asyncio.to_thread(receiver.message, 0)
    ours = await asyncio.to_thread(secret, server, server.api_key)
    folder = tmp_path / "client"
    await asyncio.to_thread(shutil.copytree, TYPESCRIPT, folder)
    (folder / "node_modules").symlink_to(await installed(OPENAI_FOR_NODE) / "node_modules")
    given = (body.decode(), json.dumps(headers), ours)
    told = json.loads(await run(await node(), "webhooks.mjs", *given, cwd=folder))
    assert (told["type"], told["batch"], told["id"]) == (
        "batch.completed",
        batch_id,
        headers["webhook-id"],
    )
    assert told["refused"] == "InvalidWebhookSignatureError"


def test_altered_replayed_and_foreign_messages_are_refused(server: LiveServer, client: OpenAI) -> None:
    with Receiver() as receiver:
        submit(client, receiver.url)
        body, headers = receiver.message(0)
    ours = secret(server, server.api_key)
    theirs = secret(server, new_key(server.data_dir))
    old = {**headers, "webhook-timestamp": str(int(headers["webhook-timestamp"]) - 600)}
    other = {**headers, "webhook-id": "evt_" + "0" * 32}
    for changed, named, by in (
        (body.replace(b"completed", b"cancelled"), headers, ours),
        (body, old, ours),
        (body, other, ours),
        (body, headers, theirs),
    ):
        with pytest.raises((openai.InvalidWebhookSignatureError, ValueError)):
            client.webhooks.unwrap(changed, named, secret=by)
    replay = {**headers, "webhook-timestamp": headers["webhook-timestamp"]}
    client.webhooks.unwrap(body, replay, secret=ours)  # within its five minutes; its id is the same


def test_a_new_secret_and_the_one_before_are_both_good_for_a_day(
    server: LiveServer, client: OpenAI
) -> None:
    before = secret(server, server.api_key)
    after = secret(server, server.api_key, rotate=True)
    assert before != after == secret(server, server.api_key)
    with Receiver() as receiver:
        submit(client, receiver.url)
        body, headers = receiver.message(0)
    for each in (before, after):
        assert client.webhooks.unwrap(body, headers, secret=each).type == "batch.completed"


def test_a_receiver_that_fails_is_tried_again_with_the_same_event(
    server: LiveServer, client: OpenAI
) -> None:
    with Receiver() as receiver:
        receiver.statuses = [500]
        batch_id = submit(client, receiver.url)
        first, second = receiver.message(0), receiver.message(1)
    assert first[0] == second[0]
    assert first[1]["webhook-id"] == second[1]["webhook-id"]
    assert logged(server, server.api_key, batch_id, "delivered")["attempts"] == 2


def test_a_receiver_that_is_gone_is_left(server: LiveServer, client: OpenAI) -> None:
    with Receiver() as receiver:
        receiver.statuses = [410]
        batch_id = submit(client, receiver.url)
        entry = logged(server, server.api_key, batch_id, "dead")
    assert (entry["attempts"], entry["last_status"]) == (1, 410)


def test_an_address_of_the_inside_is_never_called(server: LiveServer, client: OpenAI) -> None:
    """127.0.0.1 is allowed on this server, the next address is not; nor is where a redirect leads."""
    with Receiver() as receiver:
        inside = receiver.url.replace("127.0.0.1", "127.0.0.2")
        batch_id = submit(client, inside)
        entry = logged(server, server.api_key, batch_id, "due")
        deadline = time.monotonic() + PATIENCE_S
        while not entry["attempts"] and time.monotonic() < deadline:
            entry = log(server, server.api_key, batch_id) or entry
        assert entry["last_status"] is None
        assert "could not be reached" in entry["last_problem"]
        assert receiver.got == []


def test_the_log_and_the_secret_are_the_owners(server: LiveServer, client: OpenAI) -> None:
    key = new_key(server.data_dir)
    headers = {"Authorization": f"Bearer {key}"}
    assert httpx.get(f"{server.url}/v1/webhooks/deliveries", headers=headers).json()["data"] == []
    assert secret(server, key) != secret(server, server.api_key)
    for path in ("secret", "deliveries"):
        method = "POST" if path == "secret" else "GET"
        assert httpx.request(method, f"{server.url}/v1/webhooks/{path}").status_code == 401

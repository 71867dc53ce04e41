"""Keys in a variable or with a service: what they sign holds, and nothing else is ever passed on."""

import asyncio
import base64
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from base import signers
from base.secret_file import KeyFileError
from base.settings import SettingsError, load_settings
from base.signers import RemoteSigner, SignerUnavailable, env_signer
from base.signing import SeedSigner, signature_holds

KEY = SeedSigner(b"k" * 32)
TOKEN = "a-secret-token"


@contextmanager
def service(
    answer: Any = None, status: int = 200, location: str = ""
) -> Iterator[tuple[str, list[Any]]]:
    """A service that signs with KEY, or answers as told; and what it was asked."""
    asked: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            asked.append((self.headers["authorization"], body))
            signature = KEY.sign(base64.b64decode(body["message"]))
            told = answer or {"signature": base64.b64encode(signature).decode()}
            self.send_response(status)
            if location:
                self.send_header("location", location)
            self.end_headers()
            self.wfile.write(json.dumps(told).encode())

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/sign", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_variable_holds_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_KEY", (b"k" * 32).hex())
    assert env_signer("LOG_KEY").public_key == KEY.public_key
    for broken in ("", "zz", "ab" * 31):
        monkeypatch.setenv("LOG_KEY", broken)
        with pytest.raises(KeyFileError, match="LOG_KEY") as caught:
            env_signer("LOG_KEY")
        assert not broken or broken not in str(caught.value)


def test_a_service_signs_with_the_pinned_key() -> None:
    with service() as (url, asked):
        signer = RemoteSigner(url, KEY.public_key, TOKEN)
        signature = signer.sign(b"a checkpoint")
    assert signature_holds(KEY.public_key, b"a checkpoint", signature)
    [(authorization, body)] = asked
    assert authorization == f"Bearer {TOKEN}"
    assert body["public_key"] == KEY.public_key.hex()
    assert signer.key_id == KEY.key_id


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"signature": base64.b64encode(bytes(64)).decode()}, 200),
        ({"signature": "not base64"}, 200),
        ({"error": "no"}, 200),
        ([1], 200),
        ({"error": "no"}, 503),
    ],
)
def test_anything_else_signs_nothing_and_tells_no_secret(answer: Any, status: int) -> None:
    with service(answer, status) as (url, _), pytest.raises(SignerUnavailable) as caught:
        RemoteSigner(url, KEY.public_key, TOKEN).sign(b"x")
    assert TOKEN not in str(caught.value)


def test_a_service_that_is_away_signs_nothing() -> None:
    with pytest.raises(SignerUnavailable):
        RemoteSigner("http://127.0.0.1:9/sign", KEY.public_key).sign(b"x")


async def test_a_service_that_hangs_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signers, "_TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as hanging:  # takes calls and answers none
        signer = RemoteSigner(f"http://127.0.0.1:{hanging.getsockname()[1]}/sign", KEY.public_key)
        asked = [asyncio.create_task(signer.signed(b"x")) for _ in range(20)]
        assert await asyncio.to_thread(lambda: "the loop and its own threads go on")
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {SignerUnavailable}


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"no HTTP at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"[" * 4096,
        b"HTTP/1.1 200 OK\r\n\r\n" + b"\xff\xfe",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 1000,
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000,
    ],
)
def test_garbage_signs_nothing(answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as garbled:

        def serve() -> None:
            caller, _ = garbled.accept()
            with caller:
                caller.recv(65_536)
                with suppress(OSError):  # it may have left
                    caller.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"http://127.0.0.1:{garbled.getsockname()[1]}/sign"
        with pytest.raises(SignerUnavailable) as caught:
            RemoteSigner(url, KEY.public_key, TOKEN).sign(b"x")
        thread.join()
    assert TOKEN not in str(caught.value)


def test_a_token_goes_to_the_named_service_alone() -> None:
    with service() as (other, stolen), service(status=302, location=other) as (url, asked):
        with pytest.raises(SignerUnavailable):
            RemoteSigner(url, KEY.public_key, TOKEN).sign(b"x")
        assert (len(asked), stolen) == (1, [])


@pytest.mark.parametrize("name", ["log", "record"])
def test_a_service_needs_its_key_pinned(name: str) -> None:
    with pytest.raises(SettingsError, match=f"{name}_public_key"):
        load_settings(None, **{f"{name}_signer": "https://signer.example/sign"})


@pytest.mark.parametrize(
    "same",
    [
        {"log_signer": "env:A", "record_signer": "env:A"},
        {
            "log_signer": "http://s/1",
            "record_signer": "http://s/1",
            "log_public_key": "ab" * 32,
            "record_public_key": "ab" * 32,
        },
    ],
)
def test_one_key_has_one_job(same: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="each needs its own"):
        load_settings(None, **same)

"""HTTP/1.1 by hand: what no client library would send."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urlsplit

import orjson

from tests.live import LiveServer


@contextmanager
def connected(server: LiveServer, timeout_s: float = 20) -> Iterator[socket.socket]:
    at = urlsplit(server.url)
    with socket.create_connection((at.hostname, at.port or 80), timeout=timeout_s) as connection:
        yield connection


def request(
    path: str, body: bytes = b"", *headers: bytes, method: str = "POST", host: bytes = b"localhost"
) -> bytes:
    """One request; ``headers`` are whole lines."""
    head = [
        f"{method} {path} HTTP/1.1".encode(),
        b"Host: " + host,
        b"Content-Length: %d" % len(body),
        b"Content-Type: application/json",
        *headers,
    ]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


class Reply:
    """A response, with the headers of one name joined as RFC 9110 allows."""

    def __init__(self, response: HTTPResponse) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.content = response.read()

    def json(self) -> Any:
        return orjson.loads(self.content)


def reply(connection: socket.socket) -> Reply:
    response = HTTPResponse(connection)
    response.begin()
    return Reply(response)


def exchange(server: LiveServer, parts: Sequence[bytes] | bytes) -> Reply:
    """Send, and read one response."""
    with connected(server) as connection:
        for part in [parts] if isinstance(parts, bytes) else parts:
            connection.sendall(part)
        return reply(connection)


def is_closed(connection: socket.socket) -> bool:
    """Whether the server closes it, with nothing more to say."""
    try:
        return connection.recv(65_536) == b""
    except ConnectionResetError:
        return True

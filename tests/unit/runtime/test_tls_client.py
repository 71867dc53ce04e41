"""The https client against a TLS server whose authority this test owns."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest

from base.usage import Usage
from runtime.engine import Delta, Event, Fault, Metered
from runtime.http.message import Limits
from tests.live import free_port
from tests.unit.runtime.certificate import write_certificate
from tests.unit.runtime.engines import HASTY, PATIENT, chat_call, events_of, openai
from tests.unit.runtime.scripted import EVENT_STREAM, chunk, finish, piece, usage, whole

STREAM = b"".join(b"data: " + part + b"\n\n" for part in (piece("hi"), finish(), usage(3, 1), b"[DONE]"))


@asynccontextmanager
async def tls_server(folder: Path, answer: bytes, holds: bool = False) -> AsyncIterator[str]:
    """Answers every connection's first request with these bytes."""
    certificate, key = write_certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    released = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
            if holds:
                await released.wait()
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        released.set()
        server.close()


async def run(url: str, limits: Limits = PATIENT) -> list[Event]:
    return await events_of(openai(url, limits), chat_call())


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a certificate that OpenSSL trusts in this test."""
    certificate, _ = write_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    return tmp_path


async def test_a_stream_over_tls(trusted: Path) -> None:
    async with tls_server(trusted, EVENT_STREAM + chunk(STREAM) + b"0\r\n\r\n") as url:
        events = await run(url)
    assert Delta(0, "hi") in events
    assert events[-1] == Metered(Usage(3, 1))


@pytest.mark.parametrize(
    ("answer", "holds", "kind"),
    [
        (whole(orjson.dumps({"error": {"message": "m", "code": 429}}), "429 X"), False, "overloaded"),
        (EVENT_STREAM + chunk(STREAM[:30]), False, "unavailable"),
        (EVENT_STREAM, True, "stalled"),
        (b"nonsense\r\n\r\n", False, "internal"),
    ],
)
async def test_trouble_over_tls(trusted: Path, answer: bytes, holds: bool, kind: str) -> None:
    async with tls_server(trusted, answer, holds) as url:
        fault = (await run(url, HASTY if kind == "stalled" else PATIENT))[-1]
    assert isinstance(fault, Fault)
    assert fault.kind == kind


async def test_a_certificate_of_nobody_is_refused(tmp_path: Path) -> None:
    async with tls_server(tmp_path, EVENT_STREAM) as url:
        (fault,) = await run(url)
    assert isinstance(fault, Fault)
    assert fault.kind == "unavailable"


async def test_no_server() -> None:
    (fault,) = await run(f"https://127.0.0.1:{free_port()}")
    assert isinstance(fault, Fault)
    assert fault.kind == "unavailable"

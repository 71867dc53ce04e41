"""Images of a conversation: what is fetched, what is refused, and what an engine is shown."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from base.errors import InvalidRequest
from base.outbound.addresses import network_of
from base.outbound.client import Outbound
from base.outbound.guard import Guard
from tools.look import Looker

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
SHOWN = "data:image/png;base64," + base64.b64encode(PNG).decode()


def asking(url: str) -> list[dict[str, Any]]:
    picture = {"type": "image_url", "image_url": {"url": url}}
    words = {"type": "text", "text": "What is this?"}
    return [
        {"role": "system", "content": "Look."},
        {"role": "user", "content": [words, picture]},
    ]


async def looked(url: str, *allowed: str) -> str:
    outbound = Outbound(Guard([network_of(text) for text in allowed]))
    messages = asking(url)
    try:
        await Looker(outbound).look(messages)
    finally:
        await outbound.aclose()
    return str(messages[1]["content"][1]["image_url"]["url"])


@pytest.fixture
async def host() -> AsyncIterator[str]:
    """A server on loopback that counts as the inside of our network."""

    async def picture(_: web.Request) -> web.Response:
        return web.Response(body=PNG, content_type="application/octet-stream")

    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<html>", content_type="image/png")

    app = web.Application()
    app.router.add_get("/picture", picture)
    app.router.add_get("/page", page)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_an_image_is_fetched_and_shown_as_data(host: str) -> None:
    assert await looked(f"{host}/picture", "127.0.0.1/32") == SHOWN


async def test_nothing_inside_is_fetched(host: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await looked(f"{host}/picture")
    assert caught.value.param == "messages.1.content"


async def test_what_is_no_image_is_refused_whatever_its_host_says(host: str) -> None:
    with pytest.raises(InvalidRequest):
        await looked(f"{host}/page", "127.0.0.1/32")


async def test_data_is_shown_as_what_it_is() -> None:
    sent = "data:image/gif;base64," + base64.b64encode(PNG).decode()
    assert await looked(sent) == SHOWN


@pytest.mark.parametrize(
    "url",
    [
        "data:image/png,abc",
        "data:image/png;base64,%%%",
        "data:text/plain;base64,aGVsbG8=",
        "file:///etc/passwd",
        "ftp://example.com/a.png",
        "http://169.254.169.254/latest/meta-data",
        "http://localhost/a.png",
        "nonsense",
    ],
)
async def test_what_can_not_be_had_is_refused(url: str) -> None:
    with pytest.raises(InvalidRequest):
        await looked(url)

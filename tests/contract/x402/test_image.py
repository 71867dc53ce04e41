"""Pictures are bought as words are: what can't be drawn is refused before any challenge."""

import base64
from typing import Any

from tests.contract.x402.shop import Shop, decoded

IMAGES = "/v1/images"
CAT: dict[str, Any] = {"model": "flux-schnell", "prompt": "a cat on a red sofa", "size": "64x64"}


async def test_a_wallet_buys_a_picture_once(shop: Shop) -> None:
    payment = await shop.sign(IMAGES, CAT)
    paid = await shop.pay(IMAGES, CAT, payment)
    assert paid.status_code == 200, paid.text
    assert decoded(paid.headers["payment-response"])["success"] is True
    again = await shop.pay(IMAGES, CAT, payment)
    assert again.json()["data"] == paid.json()["data"]
    assert again.headers["x-batchin-run-id"] == paid.headers["x-batchin-run-id"]


async def test_pictures_are_priced_by_their_number(shop: Shop) -> None:
    answer = await shop.send(IMAGES, {**CAT, "n": 3})
    assert answer.status_code == 402
    assert decoded(answer.headers["payment-required"])["accepts"][0]["amount"] == "3000"


async def test_what_can_t_be_drawn_has_no_challenge(shop: Shop) -> None:
    refused = await shop.send(IMAGES, {**CAT, "prompt": "a lighthouse"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "not_in_vocabulary")
    assert "payment-required" not in refused.headers


async def test_over_mcp_a_picture_comes_as_a_picture(shop: Shop) -> None:
    import httpx2
    from mcp import Client
    from mcp.client.streamable_http import streamable_http_client

    bearer = {"authorization": f"Bearer {shop.watched.server.api_key}"}
    async with (
        httpx2.AsyncClient(headers=bearer, timeout=60) as http,
        Client(streamable_http_client(f"{shop.url}/v1/mcp", http_client=http)) as client,
    ):
        drawn = await client.call_tool("image", CAT)
        linked = await client.call_tool("image", {**CAT, "response_format": "url"})
        listed = {tool.name: tool.meta or {} for tool in (await client.list_tools()).tools}
    assert drawn.structured_content is not None
    picture, told = drawn.content
    assert picture.type == "image"
    assert picture.mime_type == "image/png"
    assert base64.b64decode(picture.data).startswith(b"\x89PNG")
    assert told.type == "text"
    assert "cat on 1 x red couch" in told.text
    assert linked.content[0].type == "resource_link"
    assert (listed["image"]["available"], listed["video"]["available"]) == (True, False)


async def test_over_mcp_a_stranger_s_word_has_no_challenge(shop: Shop) -> None:
    from mcp import Client
    from mcp.client.streamable_http import streamable_http_client

    async with Client(streamable_http_client(f"{shop.url}/v1/mcp")) as client:
        refused = await client.call_tool("image", {**CAT, "prompt": "a lighthouse"})
        video = await client.call_tool("video", {"model": "wan-2.2", "prompt": "waves"})
        asked = await client.call_tool("image", CAT)
    assert refused.structured_content is not None
    assert refused.structured_content["error"]["code"] == "not_in_vocabulary"
    assert video.structured_content is not None
    assert video.structured_content["error"]["code"] == "engine_not_configured"
    assert asked.structured_content is not None
    assert asked.structured_content["accepts"]

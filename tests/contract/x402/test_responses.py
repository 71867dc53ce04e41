"""A wallet buys responses: they are its own, and the same payment gives the same one again."""

import json
from typing import Any

import pytest

from tests.contract.x402.shop import Shop

PATH = "/v1/responses"
ASKED: dict[str, Any] = {"model": "qwen3-32b", "input": "Say hi.", "max_output_tokens": 3}


async def test_a_bought_response_belongs_to_its_wallet(shop: Shop) -> None:
    answer = await shop.pay(PATH, ASKED, await shop.sign(PATH, ASKED))
    assert answer.status_code == 200, answer.text
    bought = answer.json()
    token = answer.headers["x-batchin-access-token"]
    stored = f"{PATH}/{bought['id']}"
    async with shop.client() as client:
        assert (await client.get(stored)).status_code == 401
        key = {"Authorization": f"Bearer {shop.watched.server.api_key}"}
        assert (await client.get(stored, headers=key)).status_code == 404
        assert (await client.delete(stored, headers=key)).status_code == 404
        own = {"Authorization": f"Bearer {token}"}
        kept = (await client.get(stored, headers=own)).json()
        assert kept["output"] == bought["output"]
        more = {**ASKED, "previous_response_id": bought["id"]}
        stranger = await client.post(PATH, json=more, headers=key)
        assert stranger.status_code == 404
        assert (await client.delete(stored, headers=own)).json()["deleted"] is True
        assert (await client.get(stored, headers=own)).status_code == 404


@pytest.mark.parametrize("stream", [False, True])
async def test_the_same_payment_gives_the_same_response(shop: Shop, stream: bool) -> None:
    asked = {**ASKED, "stream": stream}
    payment = await shop.sign(PATH, asked)
    first = await shop.pay(PATH, asked, payment)
    again = await shop.pay(PATH, asked, payment)
    assert first.status_code == again.status_code == 200, again.text
    assert _response(again.text, stream=stream) == _response(first.text, stream=stream)
    assert again.headers["x-batchin-run-id"] == first.headers["x-batchin-run-id"]


def _response(text: str, *, stream: bool) -> Any:
    if not stream:
        return json.loads(text)
    data = [line for line in text.splitlines() if line.startswith("data: ")]
    return json.loads(data[-1].removeprefix("data: "))["response"]

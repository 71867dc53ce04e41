"""A wallet buys responses: they are its own, and the same payment gives the same one again."""

import asyncio
import json
from typing import Any

import pytest

from base.money import nano_from_atomic
from tests.contract.x402.shop import Shop

PATH = "/v1/responses"
OPEN = ("queued", "in_progress")
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


def _events(text: str) -> list[str]:
    """Without the comments that keep a slow stream open."""
    return [line for line in text.splitlines() if line.startswith(("event: ", "data: "))]


def _response(text: str, *, stream: bool) -> Any:
    if not stream:
        return json.loads(text)
    data = [line for line in text.splitlines() if line.startswith("data: ")]
    return json.loads(data[-1].removeprefix("data: "))["response"]


async def test_a_response_in_the_background_is_bought_once_and_the_rest_is_credit(shop: Shop) -> None:
    asked = {**ASKED, "background": True}
    payment = await shop.sign(PATH, asked)
    first, again = await shop.pay(PATH, asked, payment), await shop.pay(PATH, asked, payment)
    assert (first.status_code, first.json()["status"]) == (200, "queued"), first.text
    assert again.json()["id"] == first.json()["id"]
    paid = nano_from_atomic(int(payment["accepted"]["amount"]))
    own = {"Authorization": f"Bearer {first.headers['x-batchin-access-token']}"}
    async with shop.client(headers=own) as client, asyncio.timeout(60):
        while True:
            made = (await client.get(f"{PATH}/{first.json()['id']}")).json()
            if made["status"] not in OPEN:
                break
            await asyncio.sleep(0.05)
    assert made["status"] in ("completed", "incomplete")
    run_id = made["vaas"]["run_id"]
    ((cost,),) = shop.watched.rows("SELECT charged_nano_usd FROM usage WHERE run_id = ?", run_id)
    assert 0 < cost <= paid
    wallet = f"wallet:%{shop.payer.address.lower()}"
    held = "SELECT held FROM account WHERE lower(id) LIKE ?"
    async with asyncio.timeout(60):
        while True:
            if shop.watched.rows(held, wallet) == [(0,)]:
                break
            await asyncio.sleep(0.05)
    credited = shop.watched.rows(
        "SELECT sum(CASE WHEN lower(credit) LIKE ? THEN amount ELSE -amount END) FROM transfer "
        "WHERE (lower(credit) LIKE ? OR lower(debit) LIKE ?) AND (ref = ? OR ref = ?)",
        wallet,
        wallet,
        wallet,
        first.json()["vaas"]["run_id"],
        made["id"],
    )
    assert credited == [(paid - cost,)]


async def test_a_bought_response_is_streamed_to_its_wallet_and_to_nobody_else(shop: Shop) -> None:
    asked = {**ASKED, "background": True, "stream": True}
    payment = await shop.sign(PATH, asked)
    first, again = await shop.pay(PATH, asked, payment), await shop.pay(PATH, asked, payment)
    assert first.status_code == 200, first.text
    assert first.headers["content-type"].startswith("text/event-stream")
    assert _events(again.text) == _events(first.text)
    made = _response(first.text, stream=True)
    assert made["status"] in ("completed", "incomplete")
    url = f"{PATH}/{made['id']}?stream=true&starting_after=0"
    own = {"Authorization": f"Bearer {first.headers['x-batchin-access-token']}"}
    key = {"Authorization": f"Bearer {shop.watched.server.api_key}"}
    async with shop.client() as client:
        rest = _events((await client.get(url, headers=own)).text)
        assert rest == _events(first.text)[-len(rest) :]
        assert rest[0] == "event: response.queued"
        assert (await client.get(url, headers=key)).status_code == 404
        assert (await client.get(url)).status_code == 401

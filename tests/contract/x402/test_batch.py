"""A whole batch bought by one x402 payment: quoted first, and what is not used is credit."""

import asyncio
from typing import Any

from base.money import nano_from_atomic, usd_to_nano
from tests.contract.x402.shop import Shop, decoded

PATH = "/v1/batches"
TASKS: dict[str, Any] = {
    "priority": "high",
    "tasks": [
        {
            "custom_id": f"t{number}",
            "model": "qwen3-32b",
            "request_body": {
                "messages": [{"role": "user", "content": "Say yes."}],
                "max_tokens": 64,
                "stop": ["e"],
            },
        }
        for number in range(3)
    ],
}


async def _ended(shop: Shop, batch_id: str, token: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}"}
    async with shop.client(headers=headers) as client, asyncio.timeout(60):
        while True:
            found = (await client.get(f"{PATH}/{batch_id}")).json()
            if found["status"] not in ("pending", "running"):
                return dict(found)
            await asyncio.sleep(0.05)


async def test_one_payment_buys_a_batch_and_the_rest_is_credit(shop: Shop) -> None:
    payment = await shop.sign(PATH, TASKS)
    answer = await shop.pay(PATH, TASKS, payment)
    assert answer.status_code == 200, answer.text
    assert decoded(answer.headers["payment-response"])["success"] is True
    made, token = answer.json(), answer.headers["x-batchin-access-token"]
    assert (made["status"], made["total_tasks"]) == ("pending", 3)
    batch = await _ended(shop, made["id"], token)
    assert (batch["status"], batch["completed_tasks"]) == ("completed", 3)
    cost, quoted = usd_to_nano(batch["cost_usd"]), usd_to_nano(made["quoted_usd"])
    assert 0 < cost <= quoted
    paid = nano_from_atomic(int(payment["accepted"]["amount"]))
    assert paid >= quoted
    wallet = f"wallet:%{shop.payer.address.lower()}"
    credited = shop.watched.rows(
        "SELECT sum(CASE WHEN lower(credit) LIKE ? THEN amount ELSE -amount END) FROM transfer "
        "WHERE (lower(credit) LIKE ? OR lower(debit) LIKE ?) AND (ref = ? OR ref = ?)",
        wallet,
        wallet,
        wallet,
        made["vaas"]["run_id"],
        made["id"],
    )
    assert credited == [(paid - cost,)]


async def test_without_payment_the_challenge_asks_for_the_whole_batch(shop: Shop) -> None:
    challenge = await shop.challenge(PATH, TASKS)
    one = await shop.challenge(PATH, {**TASKS, "tasks": TASKS["tasks"][:1]})
    asked = [int(entry["accepts"][0]["amount"]) for entry in (challenge, one)]
    assert asked[0] > 2 * asked[1] > 0


async def test_the_same_payment_again_gets_the_same_batch(shop: Shop) -> None:
    payment = await shop.sign(PATH, TASKS)
    first, again = await shop.pay(PATH, TASKS, payment), await shop.pay(PATH, TASKS, payment)
    assert first.json()["id"] == again.json()["id"]
    await _ended(shop, first.json()["id"], first.headers["x-batchin-access-token"])
    other = {**TASKS, "priority": "low"}
    assert (await shop.pay(PATH, other, payment)).status_code in (402, 409)


async def test_nobody_but_the_payer_sees_it(shop: Shop) -> None:
    payment = await shop.sign(PATH, TASKS)
    made = await shop.pay(PATH, TASKS, payment)
    async with shop.client() as client:
        assert (await client.get(f"{PATH}/{made.json()['id']}")).status_code == 401
        key = {"Authorization": f"Bearer {shop.watched.server.api_key}"}
        assert (await client.get(f"{PATH}/{made.json()['id']}", headers=key)).status_code == 404
    await _ended(shop, made.json()["id"], made.headers["x-batchin-access-token"])

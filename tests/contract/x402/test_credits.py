"""A balance bought with one payment: its API key, a retry, a second purchase, another's account."""

from typing import Any

import httpx2
from mcp_types import CallToolResult

from server.mcp.client import mcp_client
from settlement.chain.devnet import NETWORK
from settlement.chain.funding import fund
from tests.contract.mcp.conftest import paying
from tests.contract.x402.conftest import new_wallet
from tests.contract.x402.shop import EMBED, TEXT, Json, Shop, encoded

CREDITS = "/v1/credits"
TEN_CENTS: Json = {"amount_cents": 10}


async def fresh(shop: Shop) -> Shop:
    payer, wallet = new_wallet()
    await fund(shop.watched.server.rpc_url, payer.address, 1_000_000)
    return shop.as_another(payer, wallet)


async def me(shop: Shop, key: str) -> Json:
    async with shop.client() as client:
        answer = await client.get("/v1/users/me", headers={"authorization": f"Bearer {key}"})
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


async def topped_up(shop: Shop, key: str) -> list[Json]:
    async with shop.client() as client:
        answer = await client.get("/v1/topup/history", headers={"authorization": f"Bearer {key}"})
    assert answer.status_code == 200, answer.text
    found: list[Json] = answer.json()
    return found


async def test_one_payment_buys_a_balance_and_a_key_that_spends_it(shop: Shop) -> None:
    shop = await fresh(shop)
    before = await shop.wallet_atomic()
    answer = await shop.pay(CREDITS, TEN_CENTS, await shop.sign(CREDITS, TEN_CENTS))
    assert answer.status_code == 200, answer.text
    assert "private" in answer.headers["cache-control"]
    bought = answer.json()
    key = bought["api_key"]
    assert key.startswith("batchin_api_")
    assert bought["key_prefix"] == key[:16]
    assert (bought["amount_usd"], bought["topped_up"]) == ("0.10", "wallet")
    assert before - await shop.wallet_atomic() == 100_000
    owner = await me(shop, key)
    assert owner["id"] == f"wallet:{NETWORK}:{shop.payer.address.lower()}"
    assert owner["credit_balance_usd"] == "0.10"
    used = await shop.send(EMBED, TEXT, authorization=f"Bearer {key}")
    assert used.status_code == 200, used.text
    assert (await me(shop, key))["credit_balance_usd"] != "0.10"
    (entry,) = await topped_up(shop, key)
    assert (entry["source"], entry["amount_cents"], entry["status"]) == ("x402", 10, "paid")
    assert entry["reference_id"] == answer.headers["x-batchin-run-id"]


async def test_the_same_payment_again_is_the_same_answer_and_buys_nothing_more(shop: Shop) -> None:
    shop = await fresh(shop)
    payment = await shop.sign(CREDITS, TEN_CENTS)
    first = (await shop.pay(CREDITS, TEN_CENTS, payment)).json()
    again = await shop.pay(CREDITS, TEN_CENTS, payment)
    assert again.status_code == 200, again.text
    assert again.json()["api_key"] == first["api_key"]
    assert (await me(shop, first["api_key"]))["credit_balance_usd"] == "0.10"
    assert len(await topped_up(shop, first["api_key"])) == 1
    wallet_id = f"wallet:{NETWORK}:{shop.payer.address.lower()}"
    keys = f"SELECT count(*) FROM api_key WHERE kind = 'key' AND account_id = '{wallet_id}'"
    assert shop.watched.rows(keys) == [(1,)]
    other = await shop.pay(CREDITS, {"amount_cents": 9}, payment)
    assert other.status_code in (402, 409), other.text


async def test_the_challenge_says_that_all_of_a_balance_is_the_buyers(shop: Shop) -> None:
    message = (await shop.send(CREDITS, TEN_CENTS)).json()["error"]["message"]
    assert message == "This balance is bought by x402 with 0.10 USD, and all of it is yours to spend."


async def test_a_second_purchase_tops_up_the_same_account(shop: Shop) -> None:
    shop = await fresh(shop)
    first = (await shop.pay(CREDITS, TEN_CENTS, await shop.sign(CREDITS, TEN_CENTS))).json()
    key = first["api_key"]
    more = {"amount_cents": 5}
    second = await shop.send(
        CREDITS,
        more,
        payment_signature=encoded(await shop.sign(CREDITS, more)),
        authorization=f"Bearer {key}",
    )
    assert second.status_code == 200, second.text
    assert (second.json()["api_key"], second.json()["topped_up"]) == (None, "account")
    third = (await shop.pay(CREDITS, more, await shop.sign(CREDITS, more))).json()
    assert third["api_key"] not in (None, key)
    assert (await me(shop, key))["credit_balance_usd"] == "0.20"
    assert (await me(shop, third["api_key"]))["credit_balance_usd"] == "0.20"


async def test_with_a_persons_key_the_persons_account_is_topped_up(shop: Shop) -> None:
    shop = await fresh(shop)
    person = shop.watched.server.api_key
    before = await me(shop, person)
    unpaid = await shop.send(CREDITS, TEN_CENTS, authorization=f"Bearer {person}")
    assert unpaid.status_code == 402, unpaid.text
    assert "Insufficient" not in unpaid.json()["error"]["message"]
    paid = await shop.send(
        CREDITS,
        TEN_CENTS,
        payment_signature=encoded(await shop.sign(CREDITS, TEN_CENTS)),
        authorization=f"Bearer {person}",
    )
    assert paid.json()["api_key"] is None, paid.text
    after = await me(shop, person)
    assert float(after["credit_balance_usd"]) - float(before["credit_balance_usd"]) >= 0.0999
    token = await shop.wallet_token()
    assert (await me(shop, token))["credit_balance_usd"] == "0.00"


async def test_over_mcp_it_is_one_tool(shop: Shop) -> None:
    shop = await fresh(shop)
    async with httpx2.AsyncClient(base_url=shop.url, timeout=60) as http, mcp_client(http) as client:
        asked = await client.call_tool("credits", TEN_CENTS)
        payment: Any = await shop.wallet.pay(asked.structured_content)
        paid: CallToolResult = await client.call_tool("credits", TEN_CENTS, meta=paying(payment))
    assert not paid.is_error, paid.structured_content
    key = (paid.structured_content or {})["api_key"]
    assert (await me(shop, key))["credit_balance_usd"] == "0.10"
    # with the wallet's own key one can make and end others
    async with shop.client(headers={"authorization": f"Bearer {key}"}) as client:
        made = (await client.post("/v1/keys", json={"name": "worker"})).json()
        assert (await client.delete(f"/v1/keys/{made['id']}")).status_code == 204


async def test_amounts_that_are_none_are_refused_before_any_payment(shop: Shop) -> None:
    for amount in (0, -1, 1_000_001, "10", 1.5, True, None):
        answer = await shop.send(CREDITS, {"amount_cents": amount})
        assert answer.status_code == 400, (amount, answer.text)
        assert answer.json()["error"]["param"] == "amount_cents"

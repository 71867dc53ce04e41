"""The access token of a payment opens what that payment bought, and nothing else of its wallet."""

import asyncio
from dataclasses import dataclass

import httpx
import pytest

from tests.contract.x402.shop import CHAT, EMBED, QUESTION, TEXT, Json, Shop, decoded
from tests.contract.x402.test_sign_in import BATCH, RESPONSE, RESPONSES, asked_over_mcp, fresh

BATCHES = "/v1/batches"
NOTHING = (404, "not_found")


@dataclass(frozen=True)
class Bought:
    """An object of a wallet, and the token that came with it."""

    path: str
    token: str
    run_id: str

    @property
    def id(self) -> str:
        return self.path.rpartition("/")[2]

    def routes(self) -> tuple[tuple[str, str], ...]:
        """Every route of the object that changes nothing, then those that do."""
        if self.path.startswith(RESPONSES):
            return (("GET", ""), ("GET", "/input_items"), ("POST", "/cancel"), ("DELETE", ""))
        return (("GET", ""), ("GET", "/events"), ("POST", "/cancel"))


async def buy(shop: Shop, path: str, body: Json) -> Bought:
    answer = await shop.pay(path, body, await shop.sign(path, body))
    assert answer.status_code == 200, answer.text
    headers = answer.headers
    made = f"{path}/{answer.json()['id']}"
    return Bought(made, headers["x-batchin-access-token"], headers["x-batchin-run-id"])


def holding(shop: Shop, bought: Bought) -> httpx.AsyncClient:
    return shop.client(headers={"authorization": f"Bearer {bought.token}"})


def told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


@pytest.fixture
async def mine(shop: Shop) -> Shop:
    return await fresh(shop)


async def ended(client: httpx.AsyncClient, batch: Bought) -> None:
    async with asyncio.timeout(60):
        while (await client.get(batch.path)).json()["status"] in ("pending", "running"):  # noqa: ASYNC110 - the server alone tells
            await asyncio.sleep(0.05)


async def test_a_token_opens_its_object_and_no_other_of_the_same_wallet(mine: Shop) -> None:
    one, two = await buy(mine, RESPONSES, RESPONSE), await buy(mine, RESPONSES, RESPONSE)
    batch, other = await buy(mine, BATCHES, BATCH), await buy(mine, BATCHES, BATCH)
    things = (one, two, batch, other)
    for holder in things:
        async with holding(mine, holder) as client:
            for thing in things:
                if thing is not holder:
                    for method, end in thing.routes():
                        refused = await client.request(method, thing.path + end)
                        assert told(refused) == NOTHING, (holder.path, method, thing.path, end)
            assert (await client.get(holder.path)).status_code == 200
            assert (await client.get(f"/v1/vaas/{holder.run_id}/salt")).status_code == 200
            for thing in things:
                if thing is not holder:
                    assert told(await client.get(f"/v1/vaas/{thing.run_id}/salt")) == NOTHING
    async with holding(mine, one) as client:
        assert (await client.get(f"{one.path}/input_items")).status_code == 200
        assert (await client.delete(one.path)).json()["deleted"] is True
        assert told(await client.get(one.path)) == NOTHING
    for each in (batch, other):
        async with holding(mine, each) as client:
            await ended(client, each)


async def test_a_token_opens_no_list_no_account_and_spends_nothing(mine: Shop) -> None:
    response = await buy(mine, RESPONSES, RESPONSE)
    lists = (
        BATCHES,
        "/v1/files",
        "/v1/videos",
        "/v1/usage/logs",
        "/v1/usage/summary",
        "/v1/users/me",
        "/v1/traces",
        f"/v1/traces/{response.run_id}",
        "/v1/topup/history",
        "/v1/webhooks/deliveries",
        "/v1/prompts",
        "/console/events",
    )
    upload = {"file": ("tasks.jsonl", b'{"custom_id": "a"}\n', "application/jsonl")}
    async with holding(mine, response) as client:
        for path in lists:
            assert (await client.get(path)).status_code == 401, path
        assert (await client.get("/v1/keys")).status_code == 403
        assert (await client.post("/v1/keys", json={"name": "mine"})).status_code == 403
        refused = await client.post("/v1/files", files=upload, data={"purpose": "batch"})
        assert refused.status_code == 401
        for path, body in ((CHAT, QUESTION), (EMBED, TEXT), (RESPONSES, RESPONSE), (BATCHES, BATCH)):
            unpaid = await client.post(path, json=body)
            assert told(unpaid) == (402, "payment_required"), path
            assert decoded(unpaid.headers["payment-required"])["accepts"], path
        more = {**RESPONSE, "previous_response_id": response.id}
        assert (await client.post(RESPONSES, json=more)).status_code == 401
        # a payment that comes with it pays, as without it
        payment = await mine.sign(EMBED, TEXT)
    paid = await mine.pay(EMBED, TEXT, payment)
    assert paid.status_code == 200, paid.text


async def test_over_mcp_a_token_opens_its_batch_alone(mine: Shop) -> None:
    batch, other = await buy(mine, BATCHES, BATCH), await buy(mine, BATCHES, BATCH)

    async def call(token: str | None, tool: str, arguments: Json) -> Json:
        asked: Json = {"name": tool, "arguments": arguments}
        result: Json = (await asked_over_mcp(mine, token, "tools/call", tool, asked))["result"]
        return result

    seen = await call(batch.token, "batch_get", {"id": batch.id})
    assert seen["structuredContent"]["id"] == batch.id
    for tool in ("batch_get", "batch_cancel"):
        refused = await call(batch.token, tool, {"id": other.id})
        assert refused["structuredContent"]["error"]["code"] == "not_found", tool
        nobody = await call(None, tool, {"id": batch.id})
        assert nobody["structuredContent"]["error"]["code"] == "unauthorized", tool
    for tool in ("usage", "account", "trace"):
        refused = await call(batch.token, tool, {})
        assert refused["structuredContent"]["error"]["code"] == "unauthorized", tool
    for name, found in ((batch.id, True), (other.id, False)):
        uri = f"batchin://batches/{name}"
        read = await asked_over_mcp(mine, batch.token, "resources/read", uri, {"uri": uri})
        assert ("result" in read) is found, read
    unpaid = await call(batch.token, "embed", TEXT)
    assert unpaid["structuredContent"]["accepts"]
    for each in (batch, other):
        async with holding(mine, each) as client:
            await ended(client, each)

"""What a wallet bought without a key is its own: opened by sign-in, closed to every other wallet."""

import base64
from typing import Any

import orjson
from eth_account.messages import encode_defunct

from settlement.chain.funding import fund
from settlement.sign_in.message import SignInMessage
from tests.contract.x402.conftest import new_wallet
from tests.contract.x402.shop import QUESTION, Json, Shop

BATCH: Json = {
    "tasks": [
        {
            "custom_id": "one",
            "model": "bge-m3",
            "endpoint": "/v1/embeddings",
            "request_body": {"input": "mine"},
        }
    ]
}
RESPONSES = "/v1/responses"
RESPONSE: Json = {"model": "qwen3-32b", "input": "Say hi.", "max_output_tokens": 16}


async def signed_in(shop: Shop) -> str:
    """The token of the shop's wallet, by signature alone."""
    token: str = (await signing_in(shop))["access_token"]
    return token


async def signing_in(shop: Shop, body: Json | None = None) -> Json:
    """What the shop's wallet is answered for its signature, which is taken once."""
    async with shop.client() as client:
        challenge = (await client.get("/v1/sign-in")).json()["extensions"]["sign-in-with-x"]
        (chain,) = challenge["supportedChains"]
        unsigned = {**challenge["info"], **chain, "address": shop.payer.address}
        text = SignInMessage.model_validate({**unsigned, "signature": "0x00"}).text()
        signed = shop.payer.account.sign_message(encode_defunct(text=text))
        proof = {**unsigned, "signature": "0x" + bytes(signed.signature).hex()}
        headers = {"sign-in-with-x": base64.b64encode(orjson.dumps(proof)).decode()}
        answer = await client.post("/v1/sign-in", headers=headers, json=body)
        assert answer.status_code == 200, answer.text
        assert "no-store" in answer.headers["cache-control"]
        again = await client.post("/v1/sign-in", headers=headers, json=body)
        assert (again.status_code, again.json()["error"]["code"]) == (401, "sign_in_invalid")
    found: Json = answer.json()
    return found


async def opened(shop: Shop, token: str, path: str) -> Any:
    async with shop.client(headers={"authorization": f"Bearer {token}"}) as client:
        return await client.get(path)


async def fresh(shop: Shop) -> Shop:
    payer, wallet = new_wallet()
    await fund(shop.watched.server.rpc_url, payer.address, 1_000_000)
    return shop.as_another(payer, wallet)


async def test_a_wallet_opens_what_it_bought_and_no_other_wallet_does(shop: Shop) -> None:
    mine, theirs = await fresh(shop), await fresh(shop)
    batch = await mine.pay("/v1/batches", BATCH, await mine.sign("/v1/batches", BATCH))
    assert batch.status_code == 200, batch.text
    response = await mine.pay(RESPONSES, RESPONSE, await mine.sign(RESPONSES, RESPONSE))
    assert response.status_code == 200, response.text
    chat = "/v1/chat/completions"
    assert (await theirs.pay(chat, QUESTION, await theirs.sign(chat, QUESTION))).status_code == 200
    token, foreign = await signed_in(mine), await signed_in(theirs)
    paths = (f"/v1/batches/{batch.json()['id']}", f"{RESPONSES}/{response.json()['id']}")
    for path in paths:
        assert (await opened(mine, token, path)).status_code == 200, path
        assert (await opened(mine, foreign, path)).status_code == 404, path
        async with shop.client() as client:
            assert (await client.get(path)).status_code == 401, path
    assert [b["id"] for b in (await opened(mine, token, "/v1/batches")).json()] == [batch.json()["id"]]
    assert (await opened(mine, foreign, "/v1/batches")).json() == []
    logs = (await opened(mine, token, "/v1/usage/logs")).json()
    assert {entry["run_id"] for entry in logs} >= {response.headers["x-batchin-run-id"]}
    run_id = response.headers["x-batchin-run-id"]
    payment = await opened(mine, token, f"/v1/payments/{run_id}")
    assert payment.json()["payer"] == mine.payer.address


async def test_a_file_uploaded_with_the_token_is_the_wallets(shop: Shop) -> None:
    mine, theirs = await fresh(shop), await fresh(shop)
    for wallet in (mine, theirs):
        body = {"model": "bge-m3", "input": wallet.payer.address}
        paid = await wallet.pay("/v1/embeddings", body, await wallet.sign("/v1/embeddings", body))
        assert paid.status_code == 200, paid.text
    token, foreign = await signed_in(mine), await signed_in(theirs)
    async with shop.client(headers={"authorization": f"Bearer {token}"}) as client:
        upload = {"file": ("tasks.jsonl", b'{"custom_id": "a"}\n', "application/jsonl")}
        made = await client.post("/v1/files", files=upload, data={"purpose": "batch"})
    assert made.status_code == 200, made.text
    for path in (f"/v1/files/{made.json()['id']}", f"/v1/files/{made.json()['id']}/content"):
        assert (await opened(mine, token, path)).status_code == 200
        assert (await opened(mine, foreign, path)).status_code == 404


async def test_a_wallet_that_never_paid_is_told_so(shop: Shop) -> None:
    payer, wallet = new_wallet()
    stranger = shop.as_another(payer, wallet)
    async with stranger.client() as client:
        challenge = (await client.get("/v1/sign-in")).json()["extensions"]["sign-in-with-x"]
        unsigned = {**challenge["info"], **challenge["supportedChains"][0], "address": payer.address}
        text = SignInMessage.model_validate({**unsigned, "signature": "0x00"}).text()
        signed = payer.account.sign_message(encode_defunct(text=text))
        proof = {**unsigned, "signature": "0x" + bytes(signed.signature).hex()}
        headers = {"sign-in-with-x": base64.b64encode(orjson.dumps(proof)).decode()}
        answer = await client.post("/v1/sign-in", headers=headers)
        assert answer.status_code == 401
        assert "paid for nothing" in answer.json()["error"]["message"]
        assert (await client.post("/v1/sign-in")).status_code == 400


async def test_a_signature_makes_an_api_key_that_spends_the_wallets_credit(shop: Shop) -> None:
    mine = await fresh(shop)
    chat = "/v1/chat/completions"
    paid = await mine.pay(chat, QUESTION, await mine.sign(chat, QUESTION))
    assert paid.status_code == 200, paid.text
    assert (await signing_in(mine))["api_key"] is None
    key = (await signing_in(mine, {"key_name": "found again"}))["api_key"]
    assert key.startswith("batchin_api_")
    me = (await opened(mine, key, "/v1/users/me")).json()
    assert me["id"].endswith(mine.payer.address.lower())
    (listed,) = (await opened(mine, key, "/v1/keys")).json()
    assert (listed["name"], listed["is_active"]) == ("found again", True)
    async with shop.client() as client:
        malformed = await client.post(
            "/v1/sign-in", headers={"sign-in-with-x": "e30="}, json={"key_name": 5}
        )
    assert (malformed.status_code, malformed.json()["error"]["param"]) == (400, "key_name")


async def asked_over_mcp(
    shop: Shop, token: str | None, method: str, name: str, params: Json
) -> dict[str, Any]:
    """A request of a client that knows tasks."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {
            "extensions": {"io.modelcontextprotocol/tasks": {}}
        },
    }
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {"_meta": meta, **params}}
    headers = {
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": method,
        "mcp-name": name,
    }
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    async with shop.client() as client:
        answer = await client.post("/v1/mcp", json=body, headers=headers)
    found: dict[str, Any] = answer.json()
    return found


async def test_a_task_that_a_wallet_began_is_the_wallets(shop: Shop) -> None:
    mine, theirs = await fresh(shop), await fresh(shop)
    for wallet in (mine, theirs):
        ten_cents: Json = {"amount_cents": 10}
        bought = await wallet.pay("/v1/credits", ten_cents, await wallet.sign("/v1/credits", ten_cents))
        assert bought.status_code == 200, bought.text
    token, foreign = await signed_in(mine), await signed_in(theirs)
    call: Json = {"name": "batch", "arguments": BATCH}
    begun = (await asked_over_mcp(shop, token, "tools/call", "batch", call))["result"]
    assert begun["resultType"] == "task", begun
    task: Json = {"taskId": begun["taskId"]}
    again = await signed_in(mine)
    for bearer in (token, again):
        seen = await asked_over_mcp(shop, bearer, "tasks/get", task["taskId"], task)
        assert seen["result"]["taskId"] == task["taskId"], seen
    unknown: Json = {"taskId": "task_unknown"}
    nothing = (await asked_over_mcp(shop, token, "tasks/get", "task_unknown", unknown))["error"]
    for method in ("tasks/get", "tasks/cancel"):
        for stranger in (foreign, None):
            refused = await asked_over_mcp(shop, stranger, method, task["taskId"], task)
            assert refused["error"] == nothing, (method, refused)

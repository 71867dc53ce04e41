"""Find a tool by MCP, pay for one call with a wallet, spend the rest of the payment as credit.

Needs: pip install "mcp>=2.3" "x402[evm,httpx]>=2.25" httpx2, and WALLET_KEY, the private key of a
wallet that holds USDC on the network of the challenge. It pays no gas.
"""

import asyncio
import base64
import json
import os
from typing import Any

import httpx2
from eth_account import Account
from eth_account.messages import encode_defunct
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from x402 import x402Client
from x402.mechanisms.evm.exact import register_exact_evm_client
from x402.schemas import PaymentRequired

URL = "http://127.0.0.1:8402"
CALL = {
    "model": "qwen3-32b",
    "messages": [{"role": "user", "content": "What is the capital of France?"}],
    "max_tokens": 32,
}
MOST_ATOMIC = "100000"  # this wallet pays at most 0.10 USDC a call


async def pay(challenge: PaymentRequired) -> Any:
    """Sign what the challenge asks for, within the limit."""
    wallet = x402Client()
    register_exact_evm_client(wallet, Account.from_key(os.environ["WALLET_KEY"]))
    offer = challenge.accepts[0]
    wallet.set_spend_controls(
        {
            "allowed_assets": [
                {
                    "network": offer.network,
                    "asset": offer.asset,
                    "max_amount_per_payment": MOST_ATOMIC,
                }
            ]
        }
    )
    payment = await wallet.create_payment_payload(challenge)
    return {"x402/payment": payment.model_dump(by_alias=True, exclude_none=True)}


async def sign_in(http: httpx2.AsyncClient, key: Any, network: str) -> str:
    """The token that spends what payments left: the wallet signs who it is, which moves nothing."""
    asked = (await http.get("/v1/sign-in")).json()["extensions"]["sign-in-with-x"]
    told = {**asked["info"], "chainId": network, "type": "eip191", "address": key.address}
    if told["uri"] != f"{URL}/v1/sign-in":
        raise SystemExit(f"this sign-in is for another place: {told['uri']}")
    text = f"""{told["domain"]} wants you to sign in with your Ethereum account:
{told["address"]}

{told["statement"]}

URI: {told["uri"]}
Version: {told["version"]}
Chain ID: {told["chainId"].removeprefix("eip155:")}
Nonce: {told["nonce"]}
Issued At: {told["issuedAt"]}
Expiration Time: {told["expirationTime"]}"""
    signed = key.sign_message(encode_defunct(text=text)).signature
    proof = {**told, "signature": "0x" + bytes(signed).hex()}
    header = {"SIGN-IN-WITH-X": base64.b64encode(json.dumps(proof).encode()).decode()}
    answer = await http.post("/v1/sign-in", headers=header)
    answer.raise_for_status()
    token: str = answer.json()["access_token"]
    return token


async def main() -> None:
    async with Client(f"{URL}/v1/mcp") as client:
        tools = await client.list_tools()
        print("tools:", [tool.name for tool in tools.tools])

        asked = await client.call_tool("chat", CALL)  # no key, no payment: the challenge
        challenge = PaymentRequired.model_validate(asked.structured_content)
        paid = await client.call_tool("chat", CALL, meta=await pay(challenge))
        if paid.is_error or paid.structured_content is None or paid.meta is None:
            raise SystemExit(f"refused: {paid.structured_content}")
        print("answer:", paid.structured_content["choices"][0]["message"]["content"])
        print("paid in transaction:", paid.meta["x402/payment-response"]["transaction"])
        print("charged and left:", paid.meta["batchin/charge"])
        print("record:", paid.meta["batchin/evidence"]["record_id"])

    # the rest of the payment is this wallet's credit: once signed in, it needs no payment
    async with httpx2.AsyncClient(base_url=URL) as http:
        network = paid.meta["x402/payment-response"]["network"]
        token = await sign_in(http, Account.from_key(os.environ["WALLET_KEY"]), network)
    bearer = {"authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=bearer, timeout=120) as http,
        Client(streamable_http_client(f"{URL}/v1/mcp", http_client=http)) as client,
    ):
        vectors = await client.call_tool("embed", {"model": "bge-m3", "input": "paid on credit"})
        if vectors.is_error or vectors.meta is None:
            raise SystemExit(f"refused: {vectors.structured_content}")
        print("on credit:", vectors.meta["batchin/charge"])


asyncio.run(main())

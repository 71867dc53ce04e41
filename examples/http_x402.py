"""Pay for an HTTP call with a wallet, then spend the rest of the payment with the OpenAI SDK.

Needs: pip install "x402[evm,httpx]>=2.25" openai, and WALLET_KEY, the private key of a wallet that
holds USDC on the network that /.well-known/x402 names. It pays no gas.
"""

import asyncio
import base64
import json
import os
from typing import Any

import httpx
from eth_account import Account
from eth_account.messages import encode_defunct
from openai import OpenAI
from x402 import x402Client
from x402.http.clients import x402HttpxClient
from x402.mechanisms.evm.exact import register_exact_evm_client

URL = "http://127.0.0.1:8402"
MOST_ATOMIC = "100000"  # this wallet pays at most 0.10 USDC a call


async def sign_in(http: httpx.AsyncClient, key: Any, network: str) -> str:
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
    wallet = x402Client()
    key = Account.from_key(os.environ["WALLET_KEY"])
    register_exact_evm_client(wallet, key)
    async with x402HttpxClient(wallet, base_url=URL, timeout=120) as http:
        terms = (await http.get("/.well-known/x402")).json()["payment"]
        wallet.set_spend_controls(
            {
                "allowed_assets": [
                    {
                        "network": terms["network"],
                        "asset": terms["asset"],
                        "max_amount_per_payment": MOST_ATOMIC,
                    }
                ]
            }
        )
        answer = await http.post(  # answers 402, is signed and sent again: one call for you
            "/v1/chat/completions",
            json={
                "model": "qwen3-32b",
                "messages": [{"role": "user", "content": "What is the capital of France?"}],
                "max_tokens": 32,
            },
        )
        answer.raise_for_status()
        settled = json.loads(base64.b64decode(answer.headers["PAYMENT-RESPONSE"]))
        # the rest of the payment is this wallet's credit
        token = await sign_in(http, key, settled["network"])
    print("answer:", answer.json()["choices"][0]["message"]["content"])
    print("paid in transaction:", settled["transaction"])
    print("record:", answer.headers["X-VaaS-Record-Id"])

    client = OpenAI(base_url=f"{URL}/v1", api_key=token)
    vectors = client.embeddings.create(model="bge-m3", input=["paid on credit"])
    print("dimensions:", len(vectors.data[0].embedding))


asyncio.run(main())

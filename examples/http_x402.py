"""Pay for an HTTP call with a wallet, then spend the rest of the payment with the OpenAI SDK.

Needs: pip install "x402[evm,httpx]>=2.25" openai, and WALLET_KEY, the private key of a wallet that
holds USDC on the network that /.well-known/x402 names. It pays no gas.
"""

import asyncio
import base64
import json
import os

from eth_account import Account
from openai import OpenAI
from x402 import x402Client
from x402.http.clients import x402HttpxClient
from x402.mechanisms.evm.exact import register_exact_evm_client

URL = "http://127.0.0.1:8402"
MOST_ATOMIC = "100000"  # this wallet pays at most 0.10 USDC a call


async def main() -> None:
    wallet = x402Client()
    register_exact_evm_client(wallet, Account.from_key(os.environ["WALLET_KEY"]))
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
    print("answer:", answer.json()["choices"][0]["message"]["content"])
    print("paid in transaction:", settled["transaction"])
    print("record:", answer.headers["X-VaaS-Record-Id"])

    token = answer.headers["X-BatchIn-Access-Token"]
    client = OpenAI(base_url=f"{URL}/v1", api_key=token)
    vectors = client.embeddings.create(model="bge-m3", input=["paid on credit"])
    print("dimensions:", len(vectors.data[0].embedding))


asyncio.run(main())

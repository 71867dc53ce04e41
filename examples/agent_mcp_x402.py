"""Find a tool by MCP, pay for one call with a wallet, spend the rest of the payment as credit.

Needs: pip install "mcp>=2.3" "x402[evm,httpx]>=2.25" httpx2, and WALLET_KEY, the private key of a
wallet that holds USDC on the network of the challenge. It pays no gas.
"""

import asyncio
import os
from typing import Any

import httpx2
from eth_account import Account
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from x402 import x402Client
from x402.mechanisms.evm.exact import register_exact_evm_client
from x402.schemas import PaymentRequired

URL = "http://127.0.0.1:8402/v1/mcp"
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


async def main() -> None:
    async with Client(URL) as client:
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

    # the rest of the payment is this wallet's credit: the token spends it, no signature needed
    bearer = {"authorization": f"Bearer {paid.meta['batchin/access_token']}"}
    async with (
        httpx2.AsyncClient(headers=bearer, timeout=120) as http,
        Client(streamable_http_client(URL, http_client=http)) as client,
    ):
        vectors = await client.call_tool("embed", {"model": "bge-m3", "input": "paid on credit"})
        if vectors.is_error or vectors.meta is None:
            raise SystemExit(f"refused: {vectors.structured_content}")
        print("on credit:", vectors.meta["batchin/charge"])


asyncio.run(main())

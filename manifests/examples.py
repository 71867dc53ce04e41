"""Worked examples, as the documents show them and as examples/ holds them: one source, run by a test.

Each is a whole program. ``BASE_URL``, ``CHAT_MODEL`` and ``EMBED_MODEL`` stand for a server's own.
"""

from manifests.facts import Facts

# how a wallet signs in, with a client of type CLIENT
_SIGN_IN = '''\
async def sign_in(http: CLIENT, key: Any, network: str) -> str:
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


'''

MCP_X402 = (
    '''\
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

URL = "BASE_URL"
CALL = {
    "model": "CHAT_MODEL",
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


'''
    + _SIGN_IN.replace("CLIENT", "httpx2.AsyncClient")
    + """\
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
        vectors = await client.call_tool("embed", {"model": "EMBED_MODEL", "input": "paid on credit"})
        if vectors.is_error or vectors.meta is None:
            raise SystemExit(f"refused: {vectors.structured_content}")
        print("on credit:", vectors.meta["batchin/charge"])


asyncio.run(main())
"""
)

HTTP_X402 = (
    '''\
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

URL = "BASE_URL"
MOST_ATOMIC = "100000"  # this wallet pays at most 0.10 USDC a call


'''
    + _SIGN_IN.replace("CLIENT", "httpx.AsyncClient")
    + """\
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
                "model": "CHAT_MODEL",
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
    vectors = client.embeddings.create(model="EMBED_MODEL", input=["paid on credit"])
    print("dimensions:", len(vectors.data[0].embedding))


asyncio.run(main())
"""
)

OPENAI = '''\
"""The OpenAI SDK with an API key: an answer, a stream, vectors.

Needs: pip install openai, and BATCHIN_API_KEY.
"""

import os

from openai import OpenAI

client = OpenAI(base_url="BASE_URL/v1", api_key=os.environ["BATCHIN_API_KEY"])

raw = client.chat.completions.with_raw_response.create(
    model="CHAT_MODEL",
    messages=[{"role": "user", "content": "What is the capital of France?"}],
    max_tokens=32,
)
print("answer:", raw.parse().choices[0].message.content)
print("record:", raw.headers["X-VaaS-Record-Id"])

stream = client.chat.completions.create(
    model="CHAT_MODEL",
    messages=[{"role": "user", "content": "Write a haiku about latency"}],
    max_tokens=48,
    stream=True,
)
for chunk in stream:
    print(chunk.choices[0].delta.content or "", end="", flush=True)
print()

vectors = client.embeddings.create(
    model="EMBED_MODEL", input=["batch inference", "retrieval augmented generation"]
)
print("vectors:", len(vectors.data), "dimensions:", len(vectors.data[0].embedding))
'''

VERIFY = '''\
"""Check the proof of a call with nothing but an Ed25519 library.

Needs: pip install pynacl httpx. Run it with a record id: python verify_offline.py vaas_...
"""

import hashlib
import json
import sys
from typing import Any

import httpx
from nacl.signing import VerifyKey

URL = "BASE_URL"


def fetch(path: str) -> Any:
    return httpx.get(URL + path, timeout=30).raise_for_status().json()


def canonical(value: Any) -> bytes:
    """Sorted keys, no spaces, UTF-8: RFC 8785 for what payloads hold (no floats)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def check(key: VerifyKey, payload: Any, payload_hash: str, signature: str) -> None:
    """Raises when the payload is not what was hashed, or not what the key signed."""
    if "sha256:" + hashlib.sha256(canonical(payload)).hexdigest() != payload_hash:
        raise SystemExit("the hash is not the payload's")
    key.verify(canonical(payload), bytes.fromhex(signature.removeprefix("ed25519:")))


bundle = fetch(f"/v1/vaas/{sys.argv[1]}/bundle")
evidence, receipt = bundle["evidence"], bundle["receipt"]
pinned = fetch("/v1/vaas/pubkey/current")["verify_key_hex"]  # keep it: trust starts here
key = VerifyKey(bytes.fromhex(pinned))

check(key, evidence["payload"], evidence["payload_hash"], evidence["signature"])
check(key, receipt["receipt_payload"], receipt["receipt_hash"], receipt["receipt_signature"])
linked = (
    receipt["record_id"] == evidence["record_id"]
    and receipt["record_signature"] == evidence["signature"]
    and receipt["request_hash"] == evidence["payload"]["input_hash"]
    and receipt["response_hash"] == evidence["payload"]["output_hash"]
)
if not linked:
    raise SystemExit("receipt and evidence are not of one call")
print("valid:", evidence["record_id"])
'''

CURL = """\
curl -s BASE_URL/v1/chat/completions \\
  -H "Authorization: Bearer $BATCHIN_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{
    "model": "CHAT_MODEL",
    "messages": [{"role": "user", "content": "What is the capital of France?"}],
    "max_tokens": 32
  }'
"""

# the name of each program's file under examples/
PROGRAMS = {
    "agent_mcp_x402.py": MCP_X402,
    "http_x402.py": HTTP_X402,
    "openai_sdk.py": OPENAI,
    "verify_offline.py": VERIFY,
}

_CHAT_MODEL = "qwen3-32b"
_EMBED_MODEL = "bge-m3"


def shown(program: str, facts: Facts) -> str:
    """A program for one server: its URL, and models that it has."""
    return (
        program.replace("BASE_URL", facts.base_url)
        .replace("CHAT_MODEL", example_model(facts, "chat", _CHAT_MODEL))
        .replace("EMBED_MODEL", example_model(facts, "embedding", _EMBED_MODEL))
    )


def example_model(facts: Facts, modality: str, preferred: str) -> str:
    """The preferred model when this server knows it, else its first one of that modality."""
    names = [model.id for model in facts.models if model.modality == modality]
    return preferred if preferred in names or not names else names[0]

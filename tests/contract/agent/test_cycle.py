"""The whole way of proof on a chain: register, wallet, pay, receipt, anchor, feedback, verify online."""

import asyncio
import base64
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from eth_account import Account

from server.admin import AdminClient
from server.demo.wallet import Wallet
from settlement.chain.client import ChainClient
from settlement.chain.devnet import NETWORK, USDC
from settlement.chain.erc8004 import reputation
from settlement.chain.funding import fund, fund_gas
from settlement.chain.keccak import keccak256
from settlement.chain.keys import Transaction, local_signer
from tests.contract.agent.gas import told_gas
from tests.live import LiveServer, running

ATTESTED = {"input_text": "What is 2 + 2?", "output_text": "4.", "model_id": "qwen3-32b"}
GAS = 500_000


@dataclass
class Payer:
    account: Any
    wallet: Wallet


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    folder = tmp_path_factory.mktemp("agent") / "data"
    with running(folder, BATCHIN_ENGINE="none") as server:
        yield server


@pytest.fixture(scope="module")
def payer(server: LiveServer) -> Payer:
    account = Account.create()
    asyncio.run(fund(server.rpc_url, account.address, 1_000_000))
    asyncio.run(fund_gas(server.rpc_url, account.address))
    return Payer(account, Wallet(account, NETWORK, USDC, 100_000))


def operate(server: LiveServer, operation: str, **arguments: Any) -> Any:
    return asyncio.run(AdminClient(server.data_dir).call(operation, **arguments))


def get(server: LiveServer, path: str, status: int = 200) -> Any:
    answer = httpx2.get(server.url + path)
    assert answer.status_code == status, answer.text
    return answer.json()


def paid(server: LiveServer, payer: Payer) -> str:
    """The record of one call that the wallet paid on chain."""
    with httpx2.Client(base_url=server.url, timeout=60) as http:
        asked = http.post("/v1/vaas", json=ATTESTED)
        assert asked.status_code == 402
        challenge = json.loads(base64.b64decode(asked.headers["PAYMENT-REQUIRED"]))
        signed = base64.b64encode(json.dumps(asyncio.run(payer.wallet.pay(challenge))).encode())
        answer = http.post("/v1/vaas", json=ATTESTED, headers={"PAYMENT-SIGNATURE": signed.decode()})
    assert answer.status_code == 200, answer.text
    return str(answer.headers["X-VaaS-Record-Id"])


def anchored(server: LiveServer, record_id: str) -> Any:
    """The bundle of a record, once its anchor is final."""
    deadline = time.monotonic() + 60
    while True:
        operate(server, "agent.anchor")
        bundle = get(server, f"/v1/audit/{record_id}/bundle")
        if bundle.get("anchor"):
            return bundle
        assert time.monotonic() < deadline, operate(server, "agent.status")
        time.sleep(0.2)


def verified(server: LiveServer, source: str) -> tuple[int, dict[str, str]]:
    command = [sys.executable, "-m", "server.cli", "verify", source, "--online", "--json"]
    where = ["--data-dir", str(server.data_dir), "--rpc", server.rpc_url, "--url", server.url]
    done = subprocess.run([*command, *where], capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    checks = json.loads(done.stdout)["checks"]
    return done.returncode, {item["name"]: item["result"] for item in checks}


async def _send(server: LiveServer, payer: Payer, to: str, data: bytes) -> Any:
    signer = local_signer(bytes(payer.account.key))
    async with ChainClient(lambda: server.rpc_url) as client:
        price = 2 * await client.gas_price_wei()
        nonce = await client.nonce(signer.address)
        signed = await signer.sign(Transaction(31337, nonce, to, data, GAS, price))
        return await client.wait_receipt(await client.send_raw(signed.raw))


def test_before_it_is_an_agent_everything_says_so(server: LiveServer, payer: Payer) -> None:
    file = get(server, "/.well-known/agent-registration.json")
    assert (file["registrations"], file["supportedTrust"]) == ([], [])
    ready = get(server, "/v1/vaas/anchors/readiness")
    assert ready["ready"] is False
    assert "batchin agent register" in ready["reason"]
    record_id = paid(server, payer)
    error = get(server, f"/v1/audit/{record_id}/feedback", 409)["error"]
    assert error["code"] == "not_ready"
    assert operate(server, "agent.status")["registered"] is False


def test_the_whole_cycle(server: LiveServer, payer: Payer, tmp_path: Path) -> None:
    status = operate(server, "agent.register")
    registry, agent_id = status["agent_registry"], status["agent_id"]
    file = get(server, "/.well-known/agent-registration.json")
    assert file["registrations"] == [{"agentId": int(agent_id), "agentRegistry": registry}]
    assert file["supportedTrust"] == ["reputation"]
    pay_to = get(server, "/.well-known/x402")["payment"]["pay_to"]
    assert operate(server, "agent.set_wallet")["wallet"] == pay_to

    record_id = paid(server, payer)
    bundle = anchored(server, record_id)
    assert bundle["evidence"]["payload"]["agent_registry"] == registry
    assert get(server, "/v1/vaas/anchors/readiness")["ready"] is True
    answer = httpx2.post(f"{server.url}/v1/vaas/anchors/testnet", json={"record_id": record_id})
    assert answer.json()["transaction"] == bundle["anchor"]["transaction"]
    told = get(server, f"/v1/audit/anchors/{bundle['anchor']['digest']}")
    assert told["checkpoint"] == bundle["anchor"]["inclusion"]["checkpoint"]

    code, checks = verified(server, record_id)
    online = ("chain.network", "chain.payment", "agent.registry", "agent.wallet")
    for name in (*online, "agent.registration", "anchor.transaction", "anchor.digest"):
        assert checks[name] == "pass", checks
    assert code == 0

    _feedback(server, payer, record_id, int(agent_id))
    _lies(server, bundle, tmp_path)


def _feedback(server: LiveServer, payer: Payer, record_id: str, agent_id: int) -> None:
    """The payer sends what the server prepared, and the registry holds the hash of the served file."""
    query = "value=95&tag1=quality"
    call = get(server, f"/v1/audit/{record_id}/feedback/submission?{query}")
    mined = asyncio.run(_send(server, payer, call["to"], bytes.fromhex(call["data"][2:])))
    assert mined.succeeded
    [(topics, values)] = reputation.NEW_FEEDBACK.of(call["to"], mined.logs)
    assert int(topics[0], 16) == agent_id
    index, value, decimals, tag1, _, endpoint, uri, digest = values
    assert (index, value, decimals, tag1, endpoint) == (1, 95, 0, "quality", server.url)
    served = httpx2.get(uri)
    assert keccak256(served.content) == digest
    proof = served.json()["proofOfPayment"]
    assert proof["fromAddress"] == payer.account.address
    assert proof["chainId"] == "31337"
    get(server, f"/v1/audit/{record_id}/feedback?value_decimals=19", 400)
    asyncio.run(_gas(server))


async def _gas(server: LiveServer) -> None:
    async with ChainClient(lambda: server.rpc_url) as client:
        called = await told_gas(client, "the embedded chain")
    assert called > {"register", "setAgentWallet", "transferWithAuthorization", "anchor", "giveFeedback"}


def _lies(server: LiveServer, bundle: Any, folder: Path) -> None:
    """Each claim about the chain that is not true fails by name."""
    for change, failing in (
        (
            ("anchor", "transaction", bundle["receipt"]["receipt_payload"]["transaction"]),
            "anchor.transaction",
        ),
        (("anchor", "agent_id", "7"), "anchor.transaction"),
        (("anchor", "network", "eip155:1"), "chain.network"),
    ):
        lied = json.loads(json.dumps(bundle))
        part, name, value = change
        lied[part][name] = value
        path = folder / "lied.json"
        path.write_text(json.dumps(lied))
        code, checks = verified(server, str(path))
        assert (code, checks[failing]) == (1, "fail"), (change, checks)

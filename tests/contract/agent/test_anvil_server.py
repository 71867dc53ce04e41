"""The whole way of proof by a full server on anvil: register, wallet, pay, receipt, anchor, validator,
feedback, verify online. Base Sepolia, as anvil plays it."""

import asyncio
import base64
import json
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest
from eth_account import Account

from server.admin import AdminClient
from server.demo.wallet import Wallet
from settlement.agent.online import OnlineVerifier
from settlement.chain.client import ChainClient
from settlement.chain.devnet import artifact
from settlement.chain.erc8004 import reputation, validation
from settlement.chain.erc8004.addresses import TESTNET
from settlement.chain.keccak import keccak256
from settlement.chain.keys import Transaction, file_signer, local_signer
from settlement.evidence.trust import trust_from_document
from settlement.evidence.verdict import Findings
from settlement.evidence.verify import verify_bundle
from settlement.x402.networks import NETWORKS
from tests.anvil import Anvil, anvil
from tests.contract.agent.gas import told_gas
from tests.contract.x402.shop import decoded
from tests.live import API_KEY, LiveServer, start, stop

pytestmark = pytest.mark.peers

SEPOLIA = NETWORKS["base-sepolia"].asset
ASKED = {"input_text": "2 + 2?", "output_text": "4", "model_id": "gpt-elsewhere"}
_REGISTRIES = {
    TESTNET.identity: "DevIdentityRegistry",
    TESTNET.reputation: "DevReputationRegistry",
    TESTNET.validation: "DevValidationRegistry",
}
Document = dict[str, Any]


@dataclass
class House:
    server: LiveServer
    chain: Anvil
    client: ChainClient
    folder: Path
    payer: Any

    async def operate(self, operation: str, **arguments: Any) -> Document:
        told: Document = await AdminClient(self.server.data_dir).call(operation, **arguments)
        return told

    async def get(self, path: str) -> Document:
        async with httpx2.AsyncClient(base_url=self.server.url, trust_env=False) as http:
            answer = await http.get(path)
        assert answer.status_code == 200, answer.text
        found: Document = answer.json()
        return found

    async def send(self, call: Document) -> Any:
        signer = local_signer(bytes(self.payer.key))
        price, nonce = await self.client.gas_price_wei(), await self.client.nonce(signer.address)
        data = bytes.fromhex(call["data"][2:])
        signed = await signer.sign(
            Transaction(SEPOLIA.chain_id, nonce, call["to"], data, 500_000, 2 * price)
        )
        return await self.client.wait_receipt(await self.client.send_raw(signed.raw))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with anvil(tmp_path, SEPOLIA) as chain, ChainClient(lambda: chain.rpc_url) as client:
        for address, name in _REGISTRIES.items():
            await client.request("anvil_setCode", address, artifact(name)["runtime"])
        keys = tmp_path / "data" / "keys"
        validator = await file_signer(tmp_path / "validator" / "validator.key")
        for signer in (
            validator,
            *[await file_signer(keys / f"{name}.key") for name in ("gas", "agent_owner", "anchor")],
        ):
            await chain.give_gas(signer.address)
        pay_to = await file_signer(tmp_path / "pay_to.key")
        payer = Account.create()
        await chain.mint(payer.address, 1_000_000)
        await chain.give_gas(payer.address)
        network = {"rpc_url": chain.rpc_url, "pay_to": pay_to.address}
        agent = {
            "rpc_url": chain.rpc_url,
            "anchor": "validation_registry",
            "validator": validator.address,
            "confirmations": 1,
        }
        env = {
            "BATCHIN_ENGINE": "none",
            "BATCHIN_NETWORK": "none",
            "BATCHIN_NETWORKS": orjson.dumps({"base-sepolia": network}).decode(),
            "BATCHIN_AGENT": orjson.dumps(agent).decode(),
        }
        server = await asyncio.to_thread(partial(start, tmp_path / "data", **env))
        try:
            yield House(server, chain, client, tmp_path, payer)
        finally:
            await asyncio.to_thread(stop, server)


async def test_the_whole_cycle(house: House) -> None:
    registered = await house.operate("agent.register")
    wallet = await house.operate("agent.set_wallet", key_file=str(house.folder / "pay_to.key"))
    assert registered["agent_registry"] == f"{SEPOLIA.network}:{TESTNET.identity}"
    record_id = await _paid(house)
    bundle = await _anchored(house, record_id)
    record = bundle["evidence"]["payload"]
    assert record["payee"].lower() == wallet["wallet"].lower()
    assert record["agent_id"] == registered["agent_id"]

    await _validated(house, bundle)
    await _rated(house, record_id, int(registered["agent_id"]))

    findings = Findings(
        verify_bundle(bundle, trust_from_document(await house.get("/v1/vaas/pubkey/current"))).checks
    )
    await OnlineVerifier(house.client, partial(_fetched, house), 1).check(findings, bundle)
    checks = {check.name: check.result for check in findings.verdict("").checks}
    bodies = {"request_hash", "response_hash"}
    assert {name for name, result in checks.items() if result != "pass"} == bodies
    assert {"chain.payment", "agent.wallet", "agent.registration", "anchor.transaction"} <= set(checks)


async def _fetched(house: House, uri: str) -> Document:
    return await house.get(uri.removeprefix(house.server.url))


async def _paid(house: House) -> str:
    """The record of a call that the wallet paid on chain."""
    wallet = Wallet(house.payer, SEPOLIA.network, house.chain.usdc, 100_000)
    async with httpx2.AsyncClient(base_url=house.server.url, timeout=60, trust_env=False) as http:
        asked = await http.post("/v1/vaas", json=ASKED)
        challenge = decoded(asked.headers["payment-required"])
        payment = orjson.dumps(await wallet.pay(challenge))
        header = {"PAYMENT-SIGNATURE": base64.b64encode(payment).decode()}
        answer = await http.post("/v1/vaas", json=ASKED, headers=header)
    assert answer.status_code == 200, answer.text
    assert decoded(answer.headers["payment-response"])["transaction"]
    return str(answer.headers["x-vaas-record-id"])


async def _anchored(house: House, record_id: str) -> Document:
    """The bundle once its anchor is final."""
    deadline = time.monotonic() + 60
    while True:
        status = await house.operate("agent.anchor")
        bundle = await house.get(f"/v1/audit/{record_id}/bundle")
        if bundle.get("anchor"):
            return bundle
        assert time.monotonic() < deadline, status
        await asyncio.sleep(0.1)


async def _validated(house: House, bundle: Document) -> None:
    """The validator, a process of its own, finds the log whole and says so on chain."""
    probe = house.folder / "probe.json"
    probe.write_text(json.dumps({"path": "/v1/vaas", "request": ASKED}))
    words = ["validator", house.server.url, "--once", "--rpc", house.chain.rpc_url]
    folder = ["--folder", str(house.folder / "validator"), "--probe", str(probe)]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "server.cli",
        *words,
        *folder,
        env={"BATCHIN_API_KEY": API_KEY, "PATH": ""},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    print("the validator:", out.decode().strip())
    digest = bytes.fromhex(bundle["anchor"]["digest"][2:])
    answer = await house.client.call(TESTNET.validation, validation.GET_VALIDATION_STATUS.call(digest))
    _, agent_id, score, *_ = validation.GET_VALIDATION_STATUS.result(answer)
    assert (agent_id, score) == (int(bundle["anchor"]["agent_id"]), 100)


async def _rated(house: House, record_id: str, agent_id: int) -> None:
    query = "value=95&tag1=quality"
    call = await house.get(f"/v1/audit/{record_id}/feedback/submission?{query}")
    mined = await house.send(call)
    [(topics, values)] = reputation.NEW_FEEDBACK.of(call["to"], mined.logs)
    assert int(topics[0], 16) == agent_id
    async with httpx2.AsyncClient(trust_env=False) as http:
        served = await http.get(values[-2])
    assert keccak256(served.content) == values[-1]
    called = await told_gas(house.client, "anvil")
    assert called > {"register", "setAgentWallet", "transferWithAuthorization", "validationResponse"}

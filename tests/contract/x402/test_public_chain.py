"""A server that takes payments on a public chain: Base Sepolia, as anvil plays it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from eth_account import Account
from x402 import x402Client
from x402.http.clients import x402HttpxClient
from x402.mechanisms.evm.exact import ExactEvmScheme
from x402.mechanisms.evm.exact.v1 import ExactEvmSchemeV1Client
from x402.mechanisms.evm.signers import EthAccountSignerWithRPC
from x402.mechanisms.evm.upto import UptoEvmScheme

from base.clock import SystemClock
from base.money import ceil_div
from settlement.chain.client import ChainClient
from settlement.chain.fees import FeePolicy
from settlement.chain.keys import file_signer, local_signer
from settlement.chain.tables import TABLES as CHAIN_TABLES
from settlement.x402.facilitators.own import SelfFacilitator
from settlement.x402.networks import NETWORKS
from tests.anvil import Anvil, anvil
from tests.chains import new_address
from tests.contract.x402.shop import CHAT, QUESTION, decoded
from tests.counter import SECRET, counter
from tests.live import LiveServer, start, stop
from tests.stores import fresh_store
from tests.watched import Watched

SEPOLIA = NETWORKS["base-sepolia"].asset
FUNDS = 100_000

pytestmark = pytest.mark.peers


def settings(chain: Anvil, **changes: Any) -> dict[str, str]:
    set_ = {"rpc_url": chain.rpc_url, "pay_to": new_address(), **changes}
    return {
        "BATCHIN_NETWORK": "none",
        "BATCHIN_NETWORKS": orjson.dumps({"base-sepolia": set_}).decode(),
    }


@asynccontextmanager
async def served(data_dir: Path, env: dict[str, str]) -> AsyncIterator[LiveServer]:
    server = await asyncio.to_thread(partial(start, data_dir, **env))
    try:
        yield server
    finally:
        await asyncio.to_thread(stop, server)


def wallet(account: Any, rpc_url: str, way: str) -> x402Client:
    signer = EthAccountSignerWithRPC(account, rpc_url)
    client = x402Client()
    client.set_spend_controls(False)
    if way == "v1":
        return client.register_v1("base-sepolia", ExactEvmSchemeV1Client(signer))
    scheme = UptoEvmScheme(signer) if way == "upto" else ExactEvmScheme(signer)
    client.register(SEPOLIA.network, scheme)
    return client.register_policy(_by_permit2) if way == "permit2" else client


def _by_permit2(_: int, offers: list[Any]) -> list[Any]:
    return [offer for offer in offers if (offer.extra or {}).get("assetTransferMethod") == "permit2"]


async def test_the_official_client_pays_on_base_sepolia(tmp_path: Path) -> None:
    async with anvil(tmp_path, SEPOLIA) as chain:
        data_dir = tmp_path / "data"
        gas = await file_signer(data_dir / "keys" / "gas.key")
        await chain.give_gas(gas.address)
        async with served(data_dir, settings(chain, min_charge_atomic=5)) as server:
            for way in ("exact", "permit2", "upto", "v1"):
                await _pays(server, chain, way)
            async with httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
                asked = await http.post(CHAT, json=QUESTION)
                terms = (await http.get("/.well-known/x402")).json()["payment"]
        assert terms["network"] == SEPOLIA.network
        assert [each["network"] for each in terms["networks"]] == [SEPOLIA.network]
        offers = decoded(asked.headers["payment-required"])["accepts"]
        assert {offer["network"] for offer in offers} == {SEPOLIA.network}


async def _pays(server: LiveServer, chain: Anvil, way: str) -> None:
    account = Account.create()
    await chain.mint(account.address, FUNDS)
    client = wallet(account, chain.rpc_url, way)
    path = CHAT + ("?x402=1" if way == "v1" else "")
    async with x402HttpxClient(client, base_url=server.url, timeout=60, trust_env=False) as http:
        answer = await http.post(path, json=QUESTION)
    assert answer.status_code == 200, (way, answer.text)
    settled = decoded(answer.headers["payment-response"])
    moved = FUNDS - await chain.balance(account.address)
    (row,) = Watched(server).payments(account.address)
    assert (settled["network"], settled["amount"], row.state) == (SEPOLIA.network, str(moved), "settled")
    expected = max(5, ceil_div(row.charged_nano_usd, 1000)) if way == "upto" else row.amount_atomic
    assert moved == expected


async def test_a_wrong_node_or_payee_is_named_at_start(tmp_path: Path) -> None:
    async with anvil(tmp_path, SEPOLIA) as chain:
        gas = await file_signer(tmp_path / "own" / "keys" / "gas.key")
        for folder, env, said in (
            (
                "own",
                settings(chain, pay_to=gas.address),
                "networks.base-sepolia.pay_to is the gas wallet",
            ),
            (
                "wrong",
                {name: value.replace("base-sepolia", "base") for name, value in settings(chain).items()},
                "networks.base.rpc_url: its node is one of eip155:84532, not of eip155:8453",
            ),
        ):
            with pytest.raises(RuntimeError, match=said):
                await asyncio.to_thread(partial(start, tmp_path / folder, **env))


async def test_facilitators_of_others_settle_and_a_liar_is_found_out(tmp_path: Path) -> None:
    """The first says that it settled what it did not, the second does what it says."""
    async with anvil(tmp_path, SEPOLIA) as chain, AsyncExitStack() as stack:
        gas = local_signer(bytes(Account.create().key))
        await chain.give_gas(gas.address)
        store = await stack.enter_async_context(fresh_store(tmp_path, CHAIN_TABLES))
        own = await stack.enter_async_context(
            SelfFacilitator(chain, store, SystemClock(), gas, FeePolicy())
        )
        liar = await stack.enter_async_context(counter(own, SEPOLIA.network))
        honest = await stack.enter_async_context(counter(own, SEPOLIA.network))
        liar.mood = "lie"
        others = [{"url": one.url, "headers": {"Authorization": SECRET}} for one in (liar, honest)]
        env = settings(chain, facilitators=others)
        server = await stack.enter_async_context(served(tmp_path / "data", env))
        account = Account.create()
        await chain.mint(account.address, FUNDS)
        client = wallet(account, chain.rpc_url, "exact")
        async with x402HttpxClient(client, base_url=server.url, timeout=60, trust_env=False) as http:
            answer = await http.post(CHAT, json=QUESTION)
        assert answer.status_code == 200, answer.text
        watched = Watched(server)
        assert FUNDS - await chain.balance(account.address) == _moved(watched, account)
        async with asyncio.timeout(60):
            while "our node sees no such transfer" not in watched.log.read_text():  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert SECRET not in watched.log.read_text()
        assert watched.ask("ledger.audit")["balanced"] is True
        assert not (server.data_dir / "keys" / "gas.key").exists()


async def test_a_settled_payment_survives_anvils_reorg(tmp_path: Path) -> None:
    async with anvil(tmp_path, SEPOLIA) as chain:
        data_dir = tmp_path / "data"
        gas = await file_signer(data_dir / "keys" / "gas.key")
        await chain.give_gas(gas.address)
        async with served(data_dir, settings(chain)) as server:
            await _pays(server, chain, "exact")
            watched = Watched(server)
            async with ChainClient(lambda: chain.rpc_url) as client:
                await client.request("evm_mine")
                await client.request("anvil_reorg", 2, [])
            told = "left its block: it is sent again"
            watched.eventually("it is sent again", lambda: told in watched.log.read_text())
            watched.eventually("the books fit", lambda: watched.ask("ledger.audit")["balanced"])
            (row,) = watched.rows("SELECT transaction_hash FROM payment")
            async with ChainClient(lambda: chain.rpc_url) as client:
                assert await client.receipt(row[0]) is not None


def _moved(watched: Watched, account: Any) -> int:
    return watched.payments(account.address)[0].amount_atomic

"""The bridge's wallet pays what a call used: its limits hold for the most, its count for what moved."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from base.money import nano_from_atomic, usd_text
from server.bridge.purse import Limits, Purse
from server.bridge.wallet import Paid, Wallet
from server.demo.wallet import Wallet as OfficialWallet
from settlement.chain.devnet import NETWORK, USDC
from settlement.chain.funding import fund
from tests.chains import Payer
from tests.contract.mcp.test_stdio import CHAT, Pocket, bridged, content, pocket, program
from tests.contract.x402.shop import CHAT as CHAT_PATH
from tests.contract.x402.shop import Shop, decoded
from tests.live import LiveServer
from tests.watched import Watched

__all__ = ["pocket"]
RICH = Limits(10**9, 10**9)


@pytest.fixture
def shop(live_server: LiveServer) -> Shop:
    account = Account.create()
    asyncio.run(fund(live_server.rpc_url, account.address, 1_000_000))
    return Shop(Watched(live_server), Payer(account), OfficialWallet(account, NETWORK, USDC, 1_000_000))


def most_of(challenge: dict[str, Any]) -> int:
    """The most that a call may cost, in nano-USD."""
    return nano_from_atomic(int(challenge["accepts"][0]["amount"]))


async def test_a_call_is_counted_as_what_it_used(
    live_server: LiveServer, tmp_path: Path, pocket: Pocket
) -> None:
    parameters = program(live_server.url, *pocket.flags(), "--rpc-url", live_server.rpc_url)
    async with bridged(parameters, "2026-07-28", tmp_path / "log") as client:
        paid = [await client.call_tool("chat", {**CHAT, "seed": seed}) for seed in (1, 2)]
    settled = [(answer.meta or {})["x402/payment-response"] for answer in paid]
    moved = sum(nano_from_atomic(int(each["amount"])) for each in settled)
    rows = Watched(live_server).payments(settled[0]["payer"])
    assert [row.state for row in rows] == ["settled", "settled"]
    assert all(int(each["amount"]) > 0 for each in settled)
    assert moved < sum(nano_from_atomic(row.amount_atomic) for row in rows)
    state = pocket.state()
    assert state["spent_nano_usd"] == moved
    assert not state.get("tokens")  # it leaves no credit


async def test_the_limits_hold_for_the_most_that_a_call_may_cost(
    live_server: LiveServer, tmp_path: Path, pocket: Pocket, shop: Shop
) -> None:
    most = most_of(await shop.challenge(CHAT_PATH, CHAT))
    exact, short = usd_text(most), usd_text(most - 1)
    node = ("--rpc-url", live_server.rpc_url)
    for flags in (pocket.flags(per_call=short), pocket.flags(budget=short)):
        parameters = program(live_server.url, *flags, *node)
        async with bridged(parameters, "2026-07-28", tmp_path / "log") as client:
            refused = await client.call_tool("chat", CHAT)
        assert refused.is_error
        assert content(refused)["accepts"]
    parameters = program(live_server.url, *pocket.flags(exact, exact), *node)
    async with bridged(parameters, "2026-07-28", tmp_path / "log") as client:
        assert not (await client.call_tool("chat", CHAT)).is_error
        refused = await client.call_tool("chat", {**CHAT, "seed": 2})  # what is left is not the most
    assert refused.is_error
    assert "--budget" in refused.content[0].text  # type: ignore[union-attr]
    assert 0 < pocket.state()["spent_nano_usd"] < most


async def test_a_node_that_is_away_or_of_another_chain_leaves_the_exact_way(
    live_server: LiveServer, tmp_path: Path, pocket: Pocket
) -> None:
    parameters = program(live_server.url, *pocket.flags(), "--rpc-url", "http://127.0.0.1:9")
    async with bridged(parameters, "2026-07-28", tmp_path / "log") as client:
        paid = await client.call_tool("chat", CHAT)
    settled = (paid.meta or {})["x402/payment-response"]
    assert settled["success"] is True
    assert pocket.state()["spent_nano_usd"] == nano_from_atomic(int(settled["amount"]))


async def test_a_server_that_tells_of_less_than_it_took_is_not_believed(
    shop: Shop, tmp_path: Path
) -> None:
    file = tmp_path / "wallet.state"
    rpc_url = shop.watched.server.rpc_url
    wallet = Wallet(bytes(shop.payer.account.key), Purse(file, RICH), shop.url, rpc_url)

    def spent() -> int:
        found: int = json.loads(file.read_text())["spent_nano_usd"]
        return found

    async def bought(seed: int) -> tuple[Paid, dict[str, Any]]:
        body = {**CHAT, "seed": seed}
        paid = await wallet.pay(await shop.challenge(CHAT_PATH, body), streamed=False)
        answer = await shop.pay(CHAT_PATH, body, paid.payload)
        assert answer.status_code == 200, answer.text
        return paid, decoded(answer.headers["payment-response"])

    first, told = await bought(1)
    second, other = await bought(2)
    most = first.most_nano_usd + second.most_nano_usd
    assert spent() == most
    fewer = str(int(told["amount"]) - 1)
    lies: tuple[dict[str, Any], ...] = (
        {**told, "amount": fewer},
        {**told, "amount": "0"},
        {**told, "amount": "-1"},
        {**told, "amount": "x"},
        {**told, "transaction": other["transaction"]},
        {**other},
        {**told, "transaction": "0x" + "00" * 32},
        {**told, "transaction": ""},
        {},
    )
    for lie in lies:
        await wallet.settled(first, lie)
        assert spent() == most, lie
    await wallet.settled(replace(first, payload=second.payload), told)  # not what was signed for it
    assert spent() == most
    await wallet.settled(first, told)
    assert spent() == most - first.most_nano_usd + nano_from_atomic(int(told["amount"]))

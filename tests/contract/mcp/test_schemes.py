"""Every scheme over MCP, by the official clients: the wallet has USDC, no gas, and approved nothing."""

from typing import Any, cast

import pytest
from mcp_types import CallToolResult
from x402 import x402Client
from x402.mechanisms.evm.exact import ExactEvmScheme
from x402.mechanisms.evm.signers import EthAccountSignerWithRPC
from x402.mechanisms.evm.upto import UptoEvmScheme
from x402.schemas import PaymentRequired

from base.money import ceil_div
from settlement.chain.devnet import NETWORK
from settlement.chain.funding import fund, usdc_balance
from tests.chains import Payer, new_payer
from tests.contract.mcp.test_main_job import MODES, QUESTION, connected, paying
from tests.live import LiveServer
from tests.watched import Watched

FUNDS = 100_000


def _by_permit2(_: int, offers: list[Any]) -> list[Any]:
    return [offer for offer in offers if (offer.extra or {}).get("assetTransferMethod") == "permit2"]


def _client(payer: Payer, rpc_url: str, scheme: str) -> x402Client:
    signer = EthAccountSignerWithRPC(payer.account, rpc_url)
    client = x402Client()
    client.set_spend_controls(False)
    if scheme == "upto":
        client.register(NETWORK, UptoEvmScheme(signer))
        return client
    client.register(NETWORK, ExactEvmScheme(signer))
    return client.register_policy(_by_permit2) if scheme == "permit2" else client


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("scheme", ["upto", "permit2", "exact"])
async def test_a_wallet_without_gas_pays_a_tool(live_server: LiveServer, mode: str, scheme: str) -> None:
    payer, rpc_url = new_payer(), live_server.rpc_url
    await fund(rpc_url, payer.address, FUNDS)
    client = _client(payer, rpc_url, scheme)
    async with connected(live_server, mode) as mcp:
        asked = await mcp.call_tool("chat", QUESTION)
        challenge = PaymentRequired.model_validate(asked.structured_content)
        payment = await client.create_payment_payload(challenge)
        meta = paying(payment.model_dump(mode="json", by_alias=True, exclude_none=True))
        paid = await mcp.call_tool("chat", QUESTION, meta=meta)
        again = await mcp.call_tool("chat", QUESTION, meta=meta)
    assert not paid.is_error, paid.structured_content
    settled = _meta(paid)["x402/payment-response"]
    moved = FUNDS - await usdc_balance(rpc_url, payer.address)
    (row,) = Watched(live_server).payments(payer.address)
    assert (settled["success"], settled["amount"], row.state) == (True, str(moved), "settled")
    if scheme == "upto":
        assert moved == max(1, ceil_div(row.charged_nano_usd, 1000))
    else:
        assert moved == row.amount_atomic
    assert again.structured_content == paid.structured_content
    assert _meta(again)["x402/payment-response"] == settled


@pytest.mark.parametrize("mode", MODES)
async def test_a_wallet_that_can_not_approve_is_asked_again(live_server: LiveServer, mode: str) -> None:
    """Nothing ran: the result is a challenge that says why, and the wallet may pay otherwise."""
    payer, rpc_url = new_payer(), live_server.rpc_url
    await fund(rpc_url, payer.address, FUNDS)
    async with connected(live_server, mode) as mcp:
        asked = await mcp.call_tool("chat", QUESTION)
        challenge = PaymentRequired.model_validate(asked.structured_content)
        client = _client(payer, rpc_url, "upto")
        payment = await client.create_payment_payload(challenge)
        sent = payment.model_dump(mode="json", by_alias=True, exclude_none=True)
        del sent["extensions"]
        refused = await mcp.call_tool("chat", QUESTION, meta=paying(sent))
        assert refused.is_error
        assert refused.structured_content is not None
        assert refused.structured_content["error"] == "permit2_allowance_required"
        exact = await _client(payer, rpc_url, "exact").create_payment_payload(
            PaymentRequired.model_validate(refused.structured_content)
        )
        meta = paying(exact.model_dump(mode="json", by_alias=True, exclude_none=True))
        assert not (await mcp.call_tool("chat", QUESTION, meta=meta)).is_error


def _meta(result: CallToolResult) -> dict[str, Any]:
    return cast("dict[str, Any]", result.meta)

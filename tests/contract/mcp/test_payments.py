"""x402 over MCP: the tool-result binding for everybody, the extension binding for who asks for it."""

import json
from typing import Any, Literal

from mcp.client.extension import ClaimContext, ClientExtension, ResultClaim
from mcp_types import CallToolResult, Result
from pydantic import Field

from tests.contract.mcp.conftest import Live, paying
from tests.contract.mcp.pack import CHALLENGE, KEY, SETTLEMENT

PAYMENT: dict[str, Any] = {
    "x402Version": 2,
    "accepted": CHALLENGE["accepts"][0],
    "payload": {"signature": "0x00", "authorization": {}},
}


async def test_without_key_and_payment_the_answer_is_the_challenge(live: Live, mode: str) -> None:
    async with live.client(mode) as client:
        await client.list_tools()  # from here on the client checks results against the output schema
        result = await client.call_tool("talk", {"words": ["a"]})
    assert result.is_error is True
    assert result.structured_content == CHALLENGE
    assert json.loads(result.content[0].text) == CHALLENGE  # type: ignore[union-attr]
    assert live.stage.orders[0].resource.url == "mcp://tool/talk"


async def test_a_payment_buys_the_answer_its_receipt_and_the_token_for_the_rest(
    live: Live, mode: str
) -> None:
    async with live.client(mode) as client:
        result = await client.call_tool(
            "talk",
            {"words": ["a", "b"]},
            meta=paying(PAYMENT),
        )
    assert result.is_error is False
    assert result.structured_content == {"text": "ab"}
    meta = result.meta or {}
    assert meta["x402/payment-response"] == SETTLEMENT
    assert meta["batchin/access_token"] == "token-1"
    assert meta["batchin/charge"]["credit_usd"] == "0.00091"
    assert live.stage.orders[0].payment == PAYMENT


async def test_a_payment_as_json_text_is_understood(live: Live, mode: str) -> None:
    async with live.client(mode) as client:
        result = await client.call_tool(
            "talk",
            {"words": ["a"]},
            meta=paying(json.dumps(PAYMENT)),
        )
    assert result.structured_content == {"text": "a"}


async def test_a_malformed_payment_is_told_what_to_send(live: Live, mode: str) -> None:
    async with live.client(mode) as client:
        result = await client.call_tool(
            "talk",
            {"words": ["a"]},
            meta=paying("not json"),
        )
    assert result.is_error is True
    assert result.structured_content["error"]["param"] == "_meta.x402/payment"
    assert live.stage.orders == []


async def test_the_key_is_used_first(live: Live, mode: str) -> None:
    async with live.client(mode, KEY) as client:
        result = await client.call_tool("talk", {"words": ["a"]})
    assert "x402/payment-response" not in (result.meta or {})
    assert live.stage.orders[0].caller.account_id == "acct_1"


class PaymentRequiredResult(Result):
    result_type: Literal["payment_required"] = "payment_required"
    payment_required: dict[str, Any] = Field(alias="paymentRequired")


class Payer(ClientExtension):
    """Pays what it is asked and calls again, as the extension means it."""

    identifier = "org.x402/payment"

    def claims(self) -> list[ResultClaim[Any]]:
        return [
            ResultClaim(
                result_type="payment_required", model=PaymentRequiredResult, resolve=self._resolve
            )
        ]

    async def _resolve(self, asked: PaymentRequiredResult, context: ClaimContext) -> CallToolResult:
        assert asked.payment_required == CHALLENGE
        result = await context.session.call_tool(
            context.tool_name,
            {"words": ["paid"]},
            meta=paying(PAYMENT),
        )
        assert isinstance(result, CallToolResult)
        return result


async def test_a_client_with_the_extension_is_asked_by_result_type(live: Live) -> None:
    async with live.client("2026-07-28", extensions=[Payer()]) as client:
        result = await client.call_tool("talk", {"words": ["paid"]})
    assert result.structured_content == {"text": "paid"}
    assert (result.meta or {})["x402/payment-response"] == SETTLEMENT


async def test_the_server_advertises_the_extension(live: Live) -> None:
    async with live.client("auto") as client:
        assert client.protocol_version == "2026-07-28"
        assert "org.x402/payment" in (client.server_capabilities.extensions or {})

"""Progress of a running tool: text for those who have paid, counts for the others."""

from typing import Any

from tests.contract.mcp.conftest import Live, paying
from tests.contract.mcp.pack import KEY
from tests.contract.mcp.test_payments import PAYMENT

WORDS = [f"word{number} " for number in range(40)]
UPFRONT: dict[str, Any] = {
    **PAYMENT,
    "accepted": {**PAYMENT["accepted"], "extra": {"paymentFlow": "upfront"}},
}


class Heard:
    """A progress callback that remembers."""

    def __init__(self) -> None:
        self.counts: list[float] = []
        self.texts: list[str | None] = []

    async def __call__(self, progress: float, total: float | None, message: str | None) -> None:
        self.counts.append(progress)
        self.texts.append(message)


async def test_with_a_key_the_text_arrives_while_it_is_made(live: Live, mode: str) -> None:
    heard = Heard()
    async with live.client(mode, KEY) as client:
        result = await client.call_tool("talk", {"words": WORDS}, progress_callback=heard)
    assert "".join(text or "" for text in heard.texts) == result.structured_content["text"]
    assert heard.counts == sorted(set(heard.counts))
    assert heard.counts[-1] == len(WORDS)
    assert len(heard.counts) < len(WORDS), "deltas should be gathered"


async def test_a_payment_that_settles_after_the_run_is_shown_counts_only(live: Live, mode: str) -> None:
    heard = Heard()
    async with live.client(mode) as client:
        result = await client.call_tool(
            "talk",
            {"words": WORDS},
            progress_callback=heard,
            meta=paying(PAYMENT),
        )
    assert result.structured_content["text"] == "".join(WORDS)
    assert heard.counts[-1] == len(WORDS)
    assert set(heard.texts) == {None}


async def test_a_payment_that_settles_before_the_run_is_shown_text(live: Live, mode: str) -> None:
    heard = Heard()
    async with live.client(mode) as client:
        result = await client.call_tool(
            "talk",
            {"words": WORDS},
            progress_callback=heard,
            meta=paying(UPFRONT),
        )
    assert "".join(text or "" for text in heard.texts) == result.structured_content["text"]


async def test_money_that_moved_before_a_failed_run_is_told(live: Live, mode: str) -> None:
    async with live.client(mode) as client:
        result = await client.call_tool(
            "talk",
            {"words": ["a", "b"], "fail": True},
            progress_callback=Heard(),
            meta=paying(UPFRONT),
        )
    assert result.is_error is True
    assert result.structured_content["error"]["code"] == "engine_error"
    meta = result.meta or {}
    assert meta["x402/payment-response"]["success"] is True
    assert meta["batchin/access_token"] == "token-1"


async def test_without_a_progress_token_nothing_is_streamed(live: Live, mode: str) -> None:
    async with live.client(mode, KEY) as client:
        await client.call_tool("talk", {"words": WORDS})
    assert live.stage.orders[0].delivery == "whole"

"""The quote tool: what a call would cost, on each rail, before anything is paid. Free."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from base.clock import Clock
from base.money import usd_text
from base.pricing import Quote
from base.usage import Usage
from runtime.catalog import Catalog
from settlement.promises import Promises
from tools.core import Annotations, Call, Tool
from tools.immediate import Immediate

TTL_S = 300


class QuoteInput(BaseModel):
    """What is to be priced."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    model: str = Field(min_length=1, max_length=256, description="Model id.")
    estimated_input_tokens: int = Field(0, ge=0, le=10**9, description="Input tokens.")
    estimated_output_tokens: int = Field(0, ge=0, le=10**9, description="Output tokens.")
    estimated_images: int = Field(0, ge=0, le=10**6, description="Pictures.")
    estimated_seconds: float = Field(0, ge=0, le=10**6, description="Seconds of sound or video.")
    estimated_characters: int = Field(0, ge=0, le=10**9, description="Characters that are spoken.")


class RailPrice(BaseModel):
    """The amount on one rail; ``amount`` is in the rail's own unit, as an exact string."""

    rail: Literal["balance", "x402"]
    amount: str
    unit: str
    network: str | None = None
    asset: str | None = None
    pay_to: str | None = None


class QuoteOutput(BaseModel):
    """A price. Costs follow the card; the real charge is min(actual usage, the call's own quote)."""

    object: Literal["quote"]
    model: str
    price_version: str
    input_usd_per_mtok: str
    output_usd_per_mtok: str
    other_usd: dict[str, str] = Field(description="USD per other unit: image, second and so on.")
    estimated_input_tokens: int
    estimated_output_tokens: int
    estimated_images: int
    estimated_seconds: float
    estimated_characters: int
    amount_usd: str
    rails: list[RailPrice]
    expires_at: int = Field(description="Unix time in seconds.")
    quote: str = Field(
        description="Signed: name it in X-BatchIn-Quote, over MCP in _meta['batchin/quote']."
    )


@dataclass(frozen=True, slots=True)
class Quotes:
    """Builds the quote tool; ``x402_price`` is None where that rail is off."""

    catalog: Catalog
    clock: Clock
    x402_price: Callable[[int], Mapping[str, Any]] | None
    promises: Promises

    def tool(self) -> Tool[QuoteInput]:
        return Tool(
            name="quote",
            title="Quote",
            description=(
                "Price a call on every payment rail before it is made. The answer holds a signed quote: "
                "a call that names it pays these prices until it expires, and never more. Free."
            ),
            Input=QuoteInput,
            Output=QuoteOutput,
            run=self._run,
            quote=None,
            modality="account",
            annotations=Annotations(read_only=True, idempotent=True),
            version=4,
            examples=(
                {"model": "qwen3-32b", "estimated_input_tokens": 200, "estimated_output_tokens": 100},
                {"model": "cosyvoice", "estimated_characters": 120, "estimated_seconds": 9.5},
            ),
        )

    def _run(self, args: QuoteInput, _: Call) -> Immediate:
        return Immediate(lambda: self._answer(args))

    async def _answer(self, args: QuoteInput) -> Mapping[str, Any]:
        model = self.catalog.find(args.model)
        usage = _estimated(args)
        quote = Quote(args.model, model.card, usage)
        nano, expires_at = quote.max_nano_usd, self.clock.now_ms() // 1000 + TTL_S
        rails = [{"rail": "balance", "amount": usd_text(nano), "unit": "USD"}]
        if self.x402_price is not None:
            rails.append({"rail": "x402", **self.x402_price(nano)})
        return {
            "object": "quote",
            "model": args.model,
            "price_version": model.card.version,
            "input_usd_per_mtok": usd_text(model.card.input_nano_per_mtok),
            "output_usd_per_mtok": usd_text(model.card.output_nano_per_mtok),
            "other_usd": model.card.other_usd(),
            "estimated_input_tokens": args.estimated_input_tokens,
            "estimated_output_tokens": args.estimated_output_tokens,
            "estimated_images": args.estimated_images,
            "estimated_seconds": args.estimated_seconds,
            "estimated_characters": args.estimated_characters,
            "amount_usd": usd_text(nano),
            "rails": rails,
            "expires_at": expires_at,
            "quote": await self.promises.signed(quote, expires_at),
        }


def _estimated(args: QuoteInput) -> Usage:
    return Usage(
        args.estimated_input_tokens,
        args.estimated_output_tokens,
        images=args.estimated_images,
        audio_ms=ceil(1000 * args.estimated_seconds),
        characters=args.estimated_characters,
    )

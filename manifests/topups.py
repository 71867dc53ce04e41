"""The wire shapes and operations of top-ups."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from base.errors import Forbidden, InvalidRequest, NotFound, RailNotConfigured, ServiceUnavailable
from manifests.operation import JSON, TEXT, Auth, Operation, Reply

MOST_MINOR = 100_000_000
_REQUEST_ID = ("X-Request-Id",)


class StripeOrder(BaseModel):
    """A top-up by card, in US cents."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    amount_cents: int = Field(ge=100, le=MOST_MINOR, description="US cents.")


class StripeSession(BaseModel):
    """Where the top-up is paid."""

    object: Literal["topup.stripe.checkout"]
    session_id: str
    checkout_url: str


class AlipayOrder(BaseModel):
    """A top-up by Alipay, in CNY cents (fen)."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    amount_cents: int = Field(ge=100, le=MOST_MINOR, description="CNY cents (fen).")
    currency: Literal["cny"] = "cny"
    locale: Literal["zh-CN", "zh-HK"] = "zh-CN"


class AlipaySession(BaseModel):
    """Where the top-up is paid. ``credit_usd`` is what will be credited, at the rate of now."""

    object: Literal["topup.alipay.checkout"]
    session_id: str
    checkout_url: str
    credit_usd: str


class UsdcChain(BaseModel):
    """A chain on which USDC sent to the account's own address tops it up, once the block that holds it
    and those after it are ``required_confirmations``."""

    chain: str
    deposit_address: str = Field(description="Of the account alone; the same on every chain.")
    required_confirmations: int
    network: str = Field(description="CAIP-2.")
    asset: str = Field(description="The USDC contract; no other token is credited.")


class UsdcChains(BaseModel):
    """Where an account may send USDC to."""

    chains: list[UsdcChain]


class TopUp(BaseModel):
    """A top-up: ``amount_cents`` of ``currency`` (of ``usdc`` rounded down); ``credit_usd`` was
    credited. A deposit of USDC is pending until it has its confirmations, and reversed when its chain
    replaced the block that held it."""

    id: str
    amount_cents: int
    currency: str
    credit_usd: str
    refunded_cents: int
    status: Literal["pending", "paid", "refunded", "reversed"]
    source: str
    reference_id: str
    created_at: str


class TopUps(RootModel[list[TopUp]]):
    """The top-ups of an account, the newest first."""


class Taken(BaseModel):
    """The webhook was understood. ``changed`` is false when it moved nothing."""

    received: Literal[True]
    changed: bool


def topup_operations() -> tuple[Operation, ...]:
    """How people fund their balance, and how their payments are told to this server."""
    wanted = (Forbidden, RailNotConfigured, ServiceUnavailable)
    return (
        Operation(
            "POST",
            "/v1/topup/stripe/checkout",
            "createStripeCheckout",
            "Top up by card",
            Auth.KEY,
            description="Make a Stripe Checkout page; the balance is credited when it was paid.",
            tag="account",
            request=StripeOrder,
            replies={200: Reply("Where to pay.", {JSON: StripeSession}, _REQUEST_ID)},
            errors=wanted,
        ),
        Operation(
            "POST",
            "/v1/topup/alipay/checkout",
            "createAlipayCheckout",
            "Top up by Alipay",
            Auth.KEY,
            description="Make an Alipay page; the balance is credited in dollars at the rate of now.",
            tag="account",
            request=AlipayOrder,
            replies={200: Reply("Where to pay.", {JSON: AlipaySession}, _REQUEST_ID)},
            errors=(Forbidden, RailNotConfigured),
        ),
        Operation(
            "GET",
            "/v1/topup/usdc/chains",
            "listUsdcChains",
            "Where to send USDC",
            Auth.KEY,
            description="The account's own address, on each chain on which USDC is taken.",
            tag="account",
            replies={200: Reply("The chains.", {JSON: UsdcChains}, _REQUEST_ID)},
            errors=(Forbidden, RailNotConfigured),
        ),
        Operation(
            "GET",
            "/v1/topup/history",
            "listTopUps",
            "Top-ups",
            Auth.KEY,
            description="Of the account of the key, the newest first; refunded and pending ones too.",
            tag="account",
            replies={200: Reply("The top-ups.", {JSON: TopUps}, _REQUEST_ID)},
        ),
        Operation(
            "POST",
            "/v1/topup/stripe/webhook",
            "takeStripeEvent",
            "What Stripe tells",
            description="For Stripe alone: its events, signed with the webhook secret.",
            tag="account",
            request={"type": "object"},
            replies={200: Reply("Taken.", {JSON: Taken}, _REQUEST_ID)},
            errors=(InvalidRequest, NotFound, RailNotConfigured),
        ),
        Operation(
            "POST",
            "/v1/topup/alipay/notify",
            "takeAlipayNotification",
            "What Alipay tells",
            description="For Alipay alone: its notifications as a form, signed with its RSA2 key.",
            tag="account",
            request={"type": "object"},
            replies={200: Reply("The word success.", {TEXT: {"const": "success"}}, _REQUEST_ID)},
            errors=(InvalidRequest, NotFound, RailNotConfigured),
        ),
    )

"""The routes of top-ups: checkout pages, what was paid, and what payment providers tell."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from base.caller import CallerKind
from base.clock import Clock, iso_utc
from base.errors import Forbidden, InvalidRequest, RailNotConfigured
from base.ids import new_id
from base.money import NANO_PER_CENT, usd_text
from manifests.topups import AlipayOrder, StripeOrder
from server.web.caller import Callers
from server.web.owner import owned_answer, owner_of
from server.web.request import read_body, read_head, read_json
from settlement.deposits.deposit import SOURCE, Deposit, State
from settlement.deposits.deposits import Deposits, deposits_of
from settlement.topups import alipay, stripe_checkout
from settlement.topups.alipay import Alipay
from settlement.topups.order import Order
from settlement.topups.orders import Orders
from settlement.topups.stripe_checkout import StripeCheckout
from tools.arguments import parse

ModelT = TypeVar("ModelT", bound=BaseModel)
_MOST_FIELDS = 100
_DEPOSIT_STATUS: Final = {
    State.SEEN: "pending",
    State.CREDITED: "paid",
    State.REVERSED: "reversed",
}


@dataclass(frozen=True, slots=True)
class TopUpRoutes:
    """``stripe``, ``alipay`` and ``deposits`` are None where they are not set up. A fen buys
    ``nano_per_fen``."""

    orders: Orders
    callers: Callers
    clock: Clock
    body_limit: int
    stripe: StripeCheckout | None
    alipay: Alipay | None
    deposits: Deposits | None
    nano_per_fen: int

    def routes(self) -> list[Route]:
        return [
            Route("/v1/topup/stripe/checkout", self._by_card, methods=["POST"]),
            Route("/v1/topup/alipay/checkout", self._by_alipay, methods=["POST"]),
            Route("/v1/topup/usdc/chains", self._by_usdc, methods=["GET"]),
            Route("/v1/topup/history", self._history, methods=["GET"]),
            Route("/v1/topup/stripe/webhook", self._stripe_event, methods=["POST"]),
            Route("/v1/topup/alipay/notify", self._alipay_event, methods=["POST"]),
        ]

    async def _by_card(self, request: Request) -> Response:
        account_id = self._account(request)
        asked = await self._asked(request, StripeOrder)
        stripe = _set_up(self.stripe, "Stripe")
        cents = asked.amount_cents
        order = await self.orders.open(
            account_id,
            stripe_checkout.SOURCE,
            stripe_checkout.CURRENCY,
            cents,
            cents * NANO_PER_CENT,
        )
        session = await stripe.session(order)
        await self.orders.attach(order, session.id)
        return owned_answer(
            {
                "object": "topup.stripe.checkout",
                "session_id": session.id,
                "checkout_url": session.url,
            }
        )

    async def _by_alipay(self, request: Request) -> Response:
        account_id = self._account(request)
        asked = await self._asked(request, AlipayOrder)
        provider = _set_up(self.alipay, "Alipay")
        fen = asked.amount_cents
        order = await self.orders.open(
            account_id, alipay.SOURCE, alipay.CURRENCY, fen, fen * self.nano_per_fen
        )
        order = await self.orders.attach(order, alipay.session_id_of(order.id))
        return owned_answer(
            {
                "object": "topup.alipay.checkout",
                "session_id": order.session_id,
                "checkout_url": provider.checkout_url(order, asked.locale, self.clock.now_ms()),
                "credit_usd": usd_text(order.amount_nano_usd),
            }
        )

    async def _by_usdc(self, request: Request) -> Response:
        account_id = self._account(request)
        deposits = _set_up(self.deposits, "USDC deposits")
        return owned_answer({"chains": await deposits.offered(account_id)})

    async def _history(self, request: Request) -> Response:
        account_id = owner_of(self.callers, request).account_id
        orders = map(_shown, await self.orders.history(account_id))
        deposits = map(_shown_deposit, await deposits_of(self.orders.store, account_id))
        newest_first = sorted((*orders, *deposits), key=_made_at, reverse=True)
        return owned_answer(newest_first)

    async def _stripe_event(self, request: Request) -> Response:
        stripe = _set_up(self.stripe, "Stripe")
        body = await self._body(request)
        event = await stripe.event(body, request.headers.get("stripe-signature"))
        changed = event is not None and await self.orders.take(stripe_checkout.SOURCE, event)
        return owned_answer({"received": True, "changed": changed})

    async def _alipay_event(self, request: Request) -> Response:
        provider = _set_up(self.alipay, "Alipay")
        event = provider.event(_form(await self._body(request)))
        if event is not None:
            await self.orders.take(alipay.SOURCE, event)
        return PlainTextResponse("success", headers={"x-request-id": new_id("req")})

    def _account(self, request: Request) -> str:
        """Raises Unauthorized without a key, Forbidden for a wallet: it pays by x402."""
        owner = owner_of(self.callers, request)
        if owner.caller.kind is not CallerKind.ACCOUNT:
            raise Forbidden(
                "A wallet's credit is not topped up here.",
                resolution="Pay by x402, or use an account's API key.",
            )
        return owner.account_id

    async def _asked(self, request: Request, model: type[ModelT]) -> ModelT:
        head = read_head(request.scope)
        return parse(model, read_json(head, await read_body(request.receive, head, self.body_limit)))

    async def _body(self, request: Request) -> bytes:
        return await read_body(request.receive, read_head(request.scope), self.body_limit)


ProviderT = TypeVar("ProviderT")


def _set_up(provider: ProviderT | None, name: str) -> ProviderT:
    if provider is None:
        raise RailNotConfigured(f"This server takes no top-ups by {name}.")
    return provider


def _form(body: bytes) -> Mapping[str, str]:
    """Raises InvalidRequest for what is no form, and for a name that stands twice."""
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, strict_parsing=True, max_num_fields=_MOST_FIELDS
        )
    except ValueError:
        raise InvalidRequest("The body is no form.") from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise InvalidRequest("A field of the form stands twice.")
    return form


def _shown(order: Order) -> Mapping[str, Any]:
    return {
        "id": order.id,
        "amount_cents": order.amount_minor,
        "currency": order.currency,
        "credit_usd": usd_text(order.amount_nano_usd),
        "refunded_cents": order.refunded_minor,
        "status": order.state.value,
        "source": order.source,
        "reference_id": order.session_id,
        "created_at": iso_utc(order.created_at_ms),
    }


def _shown_deposit(deposit: Deposit) -> Mapping[str, Any]:
    credited = deposit.amount_nano_usd if deposit.state is State.CREDITED else 0
    return {
        "id": deposit.id,
        "amount_cents": deposit.amount_nano_usd // NANO_PER_CENT,
        "currency": SOURCE,
        "credit_usd": usd_text(credited),
        "refunded_cents": 0,
        "status": _DEPOSIT_STATUS[deposit.state],
        "source": SOURCE,
        "reference_id": deposit.transaction,
        "created_at": iso_utc(deposit.seen_at_ms),
    }


def _made_at(shown: Mapping[str, Any]) -> str:
    return str(shown["created_at"])

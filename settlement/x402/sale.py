"""What a payment is asked for: the terms of sale, and the offers of one order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from base.money import atomic_from_nano
from settlement.rail import Delivery, Order
from settlement.x402.facilitator import Method, Scheme

PAYMENT_FLOW: Final = "paymentFlow"
MCP_URL: Final = "mcp://"
_TRANSFER_METHOD: Final = "assetTransferMethod"
_FACILITATOR: Final = "facilitatorAddress"


class Flow(StrEnum):
    """When the money moves: after the run and before its result leaves, or before the run."""

    AUTHORIZATION = "authorization"
    UPFRONT = "upfront"


@dataclass(frozen=True, slots=True)
class Asset:
    """An EIP-3009 token: its chain (CAIP-2), its address (EIP-55) and its EIP-712 domain."""

    network: str
    address: str
    name: str
    version: str

    @property
    def chain_id(self) -> int:
        return int(self.network.removeprefix("eip155:"))


@dataclass(frozen=True, slots=True)
class Offer:
    """One entry of a challenge's ``accepts``."""

    flow: Flow
    requirements: Mapping[str, Any]

    @property
    def amount_atomic(self) -> int:
        return int(self.requirements["amount"])

    @property
    def scheme(self) -> Scheme:
        return Scheme(self.requirements["scheme"])

    @property
    def method(self) -> Method:
        return Method(self.requirements["extra"].get(_TRANSFER_METHOD, Method.EIP3009))

    @property
    def facilitator(self) -> str:
        """Who alone may settle (scheme ``upto``)."""
        return str(self.requirements["extra"].get(_FACILITATOR, ""))

    @property
    def spare(self) -> bool:
        """Whether another offer of the same call does just the same."""
        return self.scheme is Scheme.EXACT and self.method is Method.PERMIT2

    @property
    def in_v1(self) -> bool:
        """Whether x402 version 1 has this way to pay."""
        return self.method is Method.EIP3009


@dataclass(frozen=True, slots=True)
class Sale:
    """The terms of this server: what is paid in, to whom, and the least amount of one payment.

    ``run_s`` is the longest that a call may take, queue included. An authorization must outlive it by
    ``settle_s``; a payer is asked for ``slack_s`` more, for the way here and clocks that differ.
    ``permit2_settler`` is the address that settles payments by Permit2, "" where they are not taken;
    ``exact_by_permit2`` whether it settles those of scheme ``exact`` too.
    """

    asset: Asset
    pay_to: str
    min_charge_atomic: int
    run_s: int
    permit2_settler: str = ""
    settle_s: int = 30
    slack_s: int = 90
    exact_by_permit2: bool = True

    @property
    def max_timeout_s(self) -> int:
        return self.run_s + self.settle_s + self.slack_s

    @property
    def needed_s(self) -> int:
        """How long an authorization must still be valid when its call starts."""
        return self.run_s + self.settle_s

    @property
    def schemes(self) -> tuple[str, ...]:
        """The schemes by which it is paid."""
        upto = (Scheme.UPTO.value,) if self.permit2_settler else ()
        return (Scheme.EXACT.value, *upto)

    def amount_atomic(self, max_nano_usd: int) -> int:
        """What one payment for at most ``max_nano_usd`` is signed for."""
        return max(1, self.min_charge_atomic, atomic_from_nano(max_nano_usd))

    def price(self, amount_nano_usd: int) -> Mapping[str, str]:
        """The price of a call by x402, as the quote tool shows it."""
        return {
            "amount": str(self.amount_atomic(amount_nano_usd)),
            "unit": f"atomic {self.asset.name}",
            "network": self.asset.network,
            "asset": self.asset.address,
            "pay_to": self.pay_to,
        }

    def offers(self, order: Order) -> tuple[Offer, ...]:
        """Every way to pay this order, cheapest first for the payer.

        Where the cost shows only when the engine has written, ``upto`` moves no more than it. A stream
        is paid before it runs: withheld text can't be taken back; so are images, which are dear to make,
        work that goes on after the call, and a balance. Over MCP the payer chooses, since progress can
        show text only of a call that is paid already.
        """
        amount = str(self.amount_atomic(order.quote.max_nano_usd))
        flows = _flows(order)
        ways = [(Scheme.EXACT, flow, Method.EIP3009) for flow in flows]
        if self.permit2_settler:
            ways += [(Scheme.EXACT, flow, Method.PERMIT2) for flow in flows if self.exact_by_permit2]
            if Flow.AUTHORIZATION in flows and order.quote.bound.output_tokens:
                ways.insert(0, (Scheme.UPTO, Flow.AUTHORIZATION, Method.PERMIT2))
        return tuple(
            Offer(flow, self._requirements(amount, scheme, flow, method))
            for scheme, flow, method in ways
        )

    def _requirements(
        self, amount: str, scheme: Scheme, flow: Flow, method: Method
    ) -> Mapping[str, Any]:
        extra = {"name": self.asset.name, "version": self.asset.version}
        if method is Method.PERMIT2:
            extra[_TRANSFER_METHOD] = method.value
        if scheme is Scheme.UPTO:
            extra[_FACILITATOR] = self.permit2_settler
        if flow is not Flow.AUTHORIZATION:
            extra[PAYMENT_FLOW] = flow.value
        return {
            "scheme": scheme.value,
            "network": self.asset.network,
            "amount": amount,
            "asset": self.asset.address,
            "payTo": self.pay_to,
            "maxTimeoutSeconds": self.max_timeout_s,
            "extra": extra,
        }


def offers_of(sales: Sequence[Sale], order: Order) -> tuple[Offer, ...]:
    """Every way to pay on every network, cheapest first for the payer; the first network first.

    Of many networks ``exact`` by permit is left out: a challenge has to fit into a header, and EIP-3009
    does the same.
    """
    offers = [offer for sale in sales for offer in sale.offers(order)]
    few = len(sales) == 1
    return tuple(sorted((offer for offer in offers if few or not offer.spare), key=_rank))


def _rank(offer: Offer) -> tuple[bool, int, bool]:
    by_permit = offer.method is Method.PERMIT2
    return (offer.scheme is not Scheme.UPTO, offer.amount_atomic, by_permit)


def _flows(order: Order) -> tuple[Flow, ...]:
    quote = order.quote
    lasting = quote.kept_nano_usd or quote.bought_nano_usd
    if order.delivery is Delivery.STREAM or lasting or quote.bound.images:
        return (Flow.UPFRONT,)
    if order.resource.url.startswith(MCP_URL):
        return (Flow.AUTHORIZATION, Flow.UPFRONT)
    return (Flow.AUTHORIZATION,)

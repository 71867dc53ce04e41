"""One x402 payment as the store keeps it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Self

import orjson

from base.money import atomic_from_nano, nano_from_atomic
from base.sealing import Sealed
from settlement.ledger.ids import wallet_account_id
from settlement.rail import Order, Terms
from settlement.x402.authorization import authorization_of
from settlement.x402.check import Claim
from settlement.x402.eip712 import checksum_address
from settlement.x402.facilitator import Authorization, Method, Scheme
from settlement.x402.payload import PaymentV2, signed_from
from settlement.x402.sale import Flow, Offer
from storage.op import Key, Row

RAIL: Final = "x402"


class State(StrEnum):
    """Where a payment stands. SETTLED, FAILED, CREDITED, LOST, REPAID and FORGIVEN are
    final.

    After the run (flow ``authorization``)::

        reserved -> running -> done -> settling -> settled | failed, maybe by way of pending

    Before the run (``upfront``), where CREDITED means that the run came to nothing and all that was paid
    is the wallet's credit::

        reserved -> settling -> paid -> running -> settled | credited;  settling -> pending, failed

    LOST comes after SETTLED and CREDITED: the chain replaced the block that held the transfer, and the
    money will not come. REPAID and FORGIVEN come after LOST, by an operator's hand: the money came some
    other way, or is waived, and the wallet is served again.

    A payment released before any money moved has no row: its authorization may be used again.
    """

    RESERVED = "reserved"
    RUNNING = "running"
    DONE = "done"
    SETTLING = "settling"
    PENDING = "pending"
    PAID = "paid"
    SETTLED = "settled"
    FAILED = "failed"
    CREDITED = "credited"
    LOST = "lost"
    REPAID = "repaid"
    FORGIVEN = "forgiven"


LEFT: Final = frozenset({State.LOST, State.REPAID, State.FORGIVEN})
"""The payments that left their chain after their call was answered."""
FINAL: Final = frozenset({State.SETTLED, State.FAILED, State.CREDITED, *LEFT})


@dataclass(frozen=True, slots=True)
class Payment:
    """A row of the table. Amounts: ``amount_atomic`` is what the payer authorized; ``charged_nano_usd``
    what the run cost and ``settles_atomic`` what moves of a payment by ``upto``, both fixed before the
    money moves. ``scheme`` names the space of its nonce: ``exact`` (EIP-3009) or ``permit2``."""

    scheme: str
    network: str
    asset: str
    payer: str
    nonce: str
    identifier: str | None
    run_id: str
    state: State
    flow: Flow
    tool: str
    resource: str
    request_hash: str
    payload: str
    requirements: str
    amount_atomic: int
    settles_atomic: int | None
    max_nano_usd: int
    charged_nano_usd: int
    transaction: str
    reason: str
    sealed: Sealed | None
    result_expires_at_ms: int | None
    created_at_ms: int

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        sealed = None if row["box"] is None else Sealed(row["salt"], row["box"])
        return cls(
            scheme=row["scheme"],
            network=row["network"],
            asset=row["asset"],
            payer=row["payer"],
            nonce=row["nonce"],
            identifier=row["identifier"],
            run_id=row["run_id"],
            state=State(row["state"]),
            flow=Flow(row["flow"]),
            tool=row["tool"],
            resource=row["resource"],
            request_hash=row["request_hash"],
            payload=row["payload"],
            requirements=row["requirements"],
            amount_atomic=row["amount_atomic"],
            settles_atomic=row["settles_atomic"],
            max_nano_usd=row["max_nano_usd"],
            charged_nano_usd=row["charged_nano_usd"],
            transaction=row["transaction_hash"],
            reason=row["reason"],
            sealed=sealed,
            result_expires_at_ms=row["result_expires_at_ms"],
            created_at_ms=row["created_at_ms"],
        )

    @property
    def key(self) -> Key:
        return Key("payment", (self.scheme, self.network, self.asset, self.payer, self.nonce))

    @property
    def account_id(self) -> str:
        """The payer's wallet account, which owns what is not used."""
        return wallet_account_id(self.network, self.payer)

    @property
    def moves_atomic(self) -> int:
        return self.amount_atomic if self.settles_atomic is None else self.settles_atomic

    @property
    def paid_nano_usd(self) -> int:
        return nano_from_atomic(self.moves_atomic)

    @property
    def credit_nano_usd(self) -> int:
        """What of the payment stays as the wallet's credit once it is settled."""
        return self.paid_nano_usd - self.charged_nano_usd

    @property
    def authorization(self) -> Authorization:
        """What the facilitator carries out, from what was stored."""
        offered = orjson.loads(self.requirements)
        signed = signed_from(self.payload)
        return authorization_of(signed, offered["network"], offered["asset"], self.settles_atomic)

    def settles_for(self, charged_nano_usd: int, min_charge_atomic: int) -> int | None:
        """What moves for a run that cost this, None where it is all that was signed (``exact``)."""
        if orjson.loads(self.requirements)["scheme"] != Scheme.UPTO:
            return None
        return min(self.amount_atomic, max(min_charge_atomic, atomic_from_nano(charged_nano_usd)))

    @property
    def terms(self) -> Terms:
        authorization = self.authorization
        return Terms(
            rail=RAIL,
            payer=authorization.payer,
            payee=authorization.payee,
            network=authorization.network,
            asset=authorization.asset,
            nonce=authorization.nonce,
            max_amount=str(self.amount_atomic),
        )

    @property
    def settlement(self) -> Mapping[str, Any]:
        """The x402 SettleResponse of a payment whose money moved."""
        return {
            "success": True,
            "transaction": self.transaction,
            "network": self.network,
            "payer": checksum_address(self.payer),
            "amount": str(self.moves_atomic),
        }


def payment_key(claim: Claim) -> Key:
    """The key of the payment that a claim would be."""
    claimed = claim.authorization
    space = Scheme.EXACT.value if claimed.method is Method.EIP3009 else Method.PERMIT2.value
    return Key(
        "payment",
        (space, claimed.network, claimed.asset.lower(), claimed.payer.lower(), claimed.nonce),
    )


def identifier_of(claim: Claim) -> str | None:
    """What the payer names the request by (extension payment-identifier)."""
    return claim.payment.identifier if isinstance(claim.payment, PaymentV2) else None


def signed_text(claim: Claim) -> str:
    """Just what the payer signed, as the row keeps it."""
    return claim.payment.payload.model_dump_json(by_alias=True)


def reserved_row(order: Order, claim: Claim, offer: Offer, lease: str, at_ms: int) -> Row:
    """The first row of a payment."""
    scheme, network, asset, payer, nonce = payment_key(claim).pk
    return {
        "scheme": scheme,
        "network": network,
        "asset": asset,
        "payer": payer,
        "nonce": nonce,
        "identifier": identifier_of(claim),
        "run_id": order.run_id,
        "state": State.RESERVED.value,
        "flow": offer.flow.value,
        "tool": order.tool,
        "resource": order.resource.url,
        "request_hash": order.request_hash,
        "payload": signed_text(claim),
        "requirements": orjson.dumps(offer.requirements).decode(),
        "amount_atomic": offer.amount_atomic,
        "settles_atomic": None,
        "max_nano_usd": order.quote.max_nano_usd,
        "charged_nano_usd": 0,
        "transaction_hash": "",
        "reason": "",
        "salt": None,
        "box": None,
        "result_expires_at_ms": None,
        "lease": lease,
        "created_at_ms": at_ms,
        "updated_at_ms": at_ms,
    }

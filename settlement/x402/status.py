"""Where a payment stands, for whoever knows its run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select

from base.ids import record_id_of, run_id_from
from base.money import usd_text
from settlement.x402.eip712 import checksum_address
from settlement.x402.payment import FINAL, Payment, State
from settlement.x402.tables import PAYMENT
from storage.op import Store

SAYS: Final[Mapping[State, str]] = {
    State.RESERVED: "The payment is reserved; nothing moved.",
    State.RUNNING: "The call runs.",
    State.DONE: "The call ended; the payment is about to be settled.",
    State.SETTLING: "The payment is on its way to the chain.",
    State.PENDING: "The chain has not confirmed the payment yet. Do not pay again.",
    State.PAID: "The payment is settled; the call is about to run.",
    State.SETTLED: "The payment is settled. Send the same request with the same payment for its answer.",
    State.FAILED: "The payment was not settled: nothing was charged.",
    State.LOST: "The payment left its chain after the call was answered; it is owed.",
    State.REPAID: "The payment left its chain after the call was answered, and was made good since.",
    State.FORGIVEN: "The payment left its chain after the call was answered; the debt was waived.",
    State.CREDITED: "The call came to nothing: all that was paid is the wallet's credit.",
}


@dataclass(frozen=True, slots=True)
class PaymentStatus:
    """Reads payments by run, record or audit id. An id can't be guessed, and what is told stands on the
    chain too, or will: never what was asked or answered."""

    store: Store

    async def find(self, any_id: str) -> Mapping[str, Any] | None:
        run_id = run_id_from(any_id)
        if run_id is None:
            return None
        rows = await self.store.read(select(PAYMENT).where(PAYMENT.c.run_id == run_id))
        return _shown(Payment.from_row(rows[0]), rows[0]["updated_at_ms"]) if rows else None


def _shown(payment: Payment, updated_at_ms: int) -> Mapping[str, Any]:
    settled = payment.state in (State.SETTLED, State.CREDITED, State.PAID)
    return {
        "id": payment.run_id,
        "object": "payment",
        "status": payment.state.value,
        "final": payment.state in FINAL,
        "message": SAYS[payment.state],
        "record_id": record_id_of(payment.run_id),
        "tool": payment.tool,
        "network": payment.network,
        "asset": checksum_address(payment.asset),
        "payer": checksum_address(payment.payer),
        "amount": str(payment.moves_atomic),
        "charged_usd": usd_text(payment.charged_nano_usd),
        "credit_usd": usd_text(payment.credit_nano_usd if settled else 0),
        "transaction": payment.transaction or None,
        "reason": payment.reason or None,
        "created_at": payment.created_at_ms // 1000,
        "updated_at": updated_at_ms // 1000,
    }

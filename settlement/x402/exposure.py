"""Bounds what runs before its payment is settled: by wallet, and in all.

An authorization is a promise: its payer may drain the wallet while the call runs, and what was computed
is lost then. A wallet has few such calls at once. Wallets cost nothing, so what all of them have open is
bounded too. Payments that are settled before their run are not counted.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from base.errors import RateLimited
from base.money import nano_from_atomic, usd_text
from settlement.x402.payment import Payment

_RETRY_AFTER_S: Final = 2


class TooMuchUnsettled(RateLimited):
    """Nothing ran: the payment is not spent. The same one may be sent again."""

    retryable = False
    resolution = (
        "Nothing was charged and the payment is not spent. Wait until an open call is answered, then "
        "send the same request with the same payment."
    )

    def __init__(self, message: str) -> None:
        super().__init__(
            message, headers={"Retry-After": str(_RETRY_AFTER_S), "Cache-Control": "no-store"}
        )


@dataclass(slots=True)
class Exposure:
    """``most_calls`` are of one wallet, ``most_nano_usd`` is what all of them signed for."""

    most_calls: int
    most_nano_usd: int
    _open: dict[str, Payment] = field(default_factory=dict)
    _pending: dict[str, Payment] = field(default_factory=dict)

    def open(self, payment: Payment) -> None:
        """Count a call until ``close``. Raises TooMuchUnsettled."""
        others = {**self._pending, **self._open}.values()
        own = sum(other.payer == payment.payer for other in others)
        if own >= self.most_calls:
            raise TooMuchUnsettled(
                f"This wallet has {own} calls whose payments are not settled yet, and may have no more "
                "at once."
            )
        signed = payment.amount_atomic + sum(other.amount_atomic for other in others)
        if nano_from_atomic(signed) > self.most_nano_usd:
            raise TooMuchUnsettled(
                f"Calls for ${usd_text(self.most_nano_usd)} wait for their payments to be settled, and "
                "no more may at once."
            )
        self._open[payment.run_id] = payment

    def close(self, run_id: str) -> None:
        """The call ended, or never began."""
        self._open.pop(run_id, None)

    def leave(self, run_id: str) -> None:
        """The call ended, and its chain has not said yet what became of the money: it counts until
        ``follow`` knows."""
        payment = self._open.pop(run_id, None)
        if payment is not None:
            self._pending[run_id] = payment

    def follow(self, pending: Iterable[Payment]) -> None:
        """Count those, too, that ended and whose chain has not said yet what became of the money."""
        self._pending = {payment.run_id: payment for payment in pending}

"""The errors of a call that is paid, or to be paid, by x402.

None of them is retryable: an SDK that sends a paid request again by itself would only pay twice.
"""

from collections.abc import Mapping
from typing import Any

from base.errors import BatchinError, InsufficientFunds, InvalidRequest, ServiceUnavailable
from settlement.rail import Upfront
from settlement.x402.challenge import V2_CHALLENGE, challenge_headers, v1_body
from settlement.x402.reasons import sentence

_HOW = (
    "Sign one entry of accepts in the PAYMENT-REQUIRED header with an x402 client and send it as "
    'PAYMENT-SIGNATURE (over MCP: _meta["x402/payment"]).'
)


class PaymentRequired(BatchinError):
    """The call is to be paid; ``challenge`` says how (x402 PaymentRequired, version 2).

    ``v1`` answers with the body that x402 version 1 clients read, and so does ``speak_v1``; the header
    of version 2 is left out then, since clients of both versions read it first.
    """

    code = "payment_required"
    status = 402
    type = "insufficient_quota"
    resolution = _HOW

    def __init__(self, message: str, challenge: Mapping[str, Any], *, v1: bool = False) -> None:
        super().__init__(message, headers=challenge_headers(challenge))
        self.challenge = challenge
        self._v1 = False
        if v1:
            self.speak_v1()

    def speak_v1(self) -> None:
        """For a door that knows its caller to be a version 1 client."""
        self._v1 = True
        self.headers = {name: value for name, value in self.headers.items() if name != V2_CHALLENGE}

    def body(self) -> dict[str, Any]:
        return v1_body(self.challenge) if self._v1 else super().body()


class BalanceTooLow(PaymentRequired):
    """The balance, or the key's budget, does not cover the call: it may be paid by itself."""

    resolution = f"{InsufficientFunds.resolution} Or pay this call alone: {_HOW[0].lower()}{_HOW[1:]}"


class PaymentInvalid(PaymentRequired):
    """The payment can't pay for this call: nothing ran, nothing was charged. ``reason`` is x402's."""

    code = "payment_invalid"
    type = "invalid_request_error"
    resolution = f"Nothing was charged. Pay anew: {_HOW[0].lower()}{_HOW[1:]}"

    def __init__(self, reason: str, challenge: Mapping[str, Any], *, v1: bool = False) -> None:
        message = f"The payment is refused: {sentence(reason)}."
        super().__init__(message, {**challenge, "error": reason}, v1=v1)
        self.reason = reason


class AllowanceRequired(PaymentInvalid):
    """Permit2 may not take the payer's tokens yet: nothing ran, nothing was charged (x402 upto and exact
    by Permit2)."""

    code = "permit2_allowance_required"
    status = 412
    resolution = (
        "Sign the token permit of the extension eip2612GasSponsoring, which costs the wallet no gas, or "
        "approve Permit2 (0x000000000022D473030F116dDEE9F6B43aC78BA3) on the token once; then pay anew."
    )


class SettlementFailed(PaymentInvalid):
    """The payment could not be settled: its result is not delivered and nothing is charged."""

    resolution = (
        "Nothing was charged and nothing is delivered. See that the wallet holds the amount, "
        "then pay anew."
    )


class PaymentReused(BatchinError):
    """The payment is known: in flight, or spent on another request. Carries no challenge, since a
    client that meets one signs a second payment.

    ``upfront`` is set where the payment's call came to nothing and its money is the wallet's credit.
    """

    code = "payment_reused"
    status = 409
    type = "invalid_request_error"
    resolution = "Wait for the first request, or sign a new payment for a new request."
    upfront: Upfront | None = None


class PaymentMalformed(InvalidRequest):
    """What should be an x402 payment is none."""

    resolution = (
        "Sign one entry of the challenge's accepts with an x402 client and send its payload as it is."
    )


class PaymentUnavailable(ServiceUnavailable):
    """The chain does not answer: the payment was not taken."""

    retryable = False
    resolution = "Nothing was charged and the payment is not spent. Send the same request with it later."


class SettlementPending(ServiceUnavailable):
    """The chain has not said yet whether the payment is settled. Carries no challenge."""

    retryable = False

    def __init__(self, run_id: str) -> None:
        super().__init__(
            f"The payment of {run_id} is not settled yet, so its result can't be delivered.",
            resolution=(
                f"Do not pay again: {run_id} is followed until it is settled or void; GET "
                f"/v1/payments/{run_id} tells where it stands. Send the same request with the same "
                "payment later; the answer is kept for it."
            ),
            headers={"Cache-Control": "no-store"},
        )

"""The reverts of USDC, Permit2 and the x402 proxies in x402's spelling."""

from typing import Final

from eth_utils.crypto import keccak

from settlement.chain.errors import RpcRefused
from settlement.x402.reasons import (
    APPROVAL_AMOUNT,
    BALANCE,
    FACILITATOR,
    NONCE_USED,
    PERMIT_NONCE_USED,
    PERMIT_SIGNATURE,
    SIGNATURE,
    VALID_AFTER,
    VALID_BEFORE,
)

SIMULATION: Final = "invalid_exact_evm_transaction_simulation_failed"
TRANSACTION: Final = "transaction_failed"

_REASONS: Final = (
    ("authorization is expired", VALID_BEFORE),
    ("authorization is not yet valid", VALID_AFTER),
    ("authorization is used", NONCE_USED),
    ("transfer amount exceeds balance", BALANCE),
    ("invalid signature", SIGNATURE),
)


_ERRORS: Final = {
    keccak(text=error)[:4]: reason
    for error, reason in (
        ("InvalidNonce()", PERMIT_NONCE_USED),
        ("InvalidSigner()", PERMIT_SIGNATURE),
        ("InvalidSignature()", PERMIT_SIGNATURE),
        ("InvalidSignatureLength()", PERMIT_SIGNATURE),
        ("InvalidContractSignature()", PERMIT_SIGNATURE),
        ("SignatureExpired(uint256)", VALID_BEFORE),
        ("PaymentTooEarly()", VALID_AFTER),
        ("UnauthorizedFacilitator()", FACILITATOR),
        ("Permit2612AmountMismatch()", APPROVAL_AMOUNT),
    )
}


def reason_of(error: RpcRefused) -> str:
    """The x402 reason behind a node's error for a simulated transfer."""
    lower = error.message.lower()
    known = next((reason for words, reason in _REASONS if words in lower), None)
    return known or _ERRORS.get(error.data[:4], SIMULATION)

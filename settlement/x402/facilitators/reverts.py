"""USDC's reverts in x402's spelling."""

from typing import Final

from settlement.x402.reasons import BALANCE, NONCE_USED, SIGNATURE, VALID_AFTER, VALID_BEFORE

SIMULATION: Final = "invalid_exact_evm_transaction_simulation_failed"
TRANSACTION: Final = "transaction_failed"

_REASONS: Final = (
    ("authorization is expired", VALID_BEFORE),
    ("authorization is not yet valid", VALID_AFTER),
    ("authorization is used", NONCE_USED),
    ("transfer amount exceeds balance", BALANCE),
    ("invalid signature", SIGNATURE),
)


def reason_of(message: str) -> str:
    """The x402 reason behind a node's error message for a simulated transfer."""
    lower = message.lower()
    return next((reason for words, reason in _REASONS if words in lower), SIMULATION)

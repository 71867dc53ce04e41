"""Why a payment is refused, in x402's spelling (the error codes of the specification and its SDKs)."""

from typing import Final

NO_MATCH: Final = "No matching payment requirements"
RESOURCE: Final = "resource_mismatch"
UNSUPPORTED_SCHEME: Final = "unsupported_scheme"
NETWORK_MISMATCH: Final = "network_mismatch"
SIGNATURE: Final = "invalid_exact_evm_payload_signature"
RECIPIENT: Final = "invalid_exact_evm_payload_recipient_mismatch"
VALUE: Final = "invalid_exact_evm_payload_authorization_value_mismatch"
VALID_AFTER: Final = "invalid_exact_evm_payload_authorization_valid_after"
VALID_BEFORE: Final = "invalid_exact_evm_payload_authorization_valid_before"
NONCE_USED: Final = "invalid_exact_evm_nonce_already_used"
BALANCE: Final = "invalid_exact_evm_insufficient_balance"
PENDING: Final = "settlement_pending"

_SENTENCES: Final = {
    NO_MATCH: "it accepts terms that this call does not offer",
    RESOURCE: "it was signed for another resource",
    UNSUPPORTED_SCHEME: "its scheme is not offered",
    NETWORK_MISMATCH: "it is for another network",
    SIGNATURE: "its signature is not the payer's",
    RECIPIENT: "it pays somebody else",
    VALUE: "it is for another amount",
    VALID_AFTER: "it is not valid yet",
    VALID_BEFORE: "it expires too soon for the call to run and be settled",
    NONCE_USED: "its nonce was used before",
    BALANCE: "the payer's balance does not cover it",
}


def sentence(reason: str) -> str:
    """The reason in words, for the message of an error."""
    return _SENTENCES.get(reason, f"the chain would refuse it ({reason})")

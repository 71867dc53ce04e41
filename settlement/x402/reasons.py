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
ALLOWANCE: Final = "permit2_allowance_required"
SPENDER: Final = "invalid_permit2_spender"
TOKEN: Final = "permit2_token_mismatch"
FACILITATOR: Final = "upto_facilitator_mismatch"
PERMIT_SIGNATURE: Final = "invalid_permit2_signature"
PERMIT_NONCE_USED: Final = "permit2_invalid_nonce"
APPROVAL: Final = "invalid_eip2612_extension_format"
APPROVAL_PAYER: Final = "eip2612_from_mismatch"
APPROVAL_ASSET: Final = "eip2612_asset_mismatch"
APPROVAL_SPENDER: Final = "eip2612_spender_not_permit2"
APPROVAL_EXPIRED: Final = "eip2612_deadline_expired"
APPROVAL_AMOUNT: Final = "permit2_2612_amount_mismatch"
UNDEPLOYED: Final = "eip6492_factory_not_allowed"

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
    ALLOWANCE: (
        "Permit2 may not take the payer's tokens yet; send the eip2612GasSponsoring extension, or "
        "approve 0x000000000022D473030F116dDEE9F6B43aC78BA3 on the token"
    ),
    SPENDER: "it names another spender than the x402 proxy of its scheme",
    TOKEN: "it permits another token",
    FACILITATOR: "it names another facilitator than the challenge did",
    PERMIT_SIGNATURE: "its signature is not the payer's",
    PERMIT_NONCE_USED: "its nonce was used before",
    APPROVAL: "its eip2612GasSponsoring extension is malformed",
    APPROVAL_PAYER: "its token permit is another wallet's",
    APPROVAL_ASSET: "its token permit is for another token",
    APPROVAL_SPENDER: "its token permit is not for Permit2",
    APPROVAL_EXPIRED: "its token permit expires before the call could be settled",
    APPROVAL_AMOUNT: "its token permit is for another amount",
    UNDEPLOYED: "its wallet contract is not deployed yet",
}


def sentence(reason: str) -> str:
    """The reason in words, for the message of an error."""
    return _SENTENCES.get(reason, f"the chain would refuse it ({reason})")

"""From what a payer sent to the Authorization that is carried out."""

from typing import Final

from settlement.x402.eip712 import checksum_address, plain_signature
from settlement.x402.facilitator import Approval, Authorization, Method, Scheme
from settlement.x402.payload import Exact, Permit2, TokenPermit

_ERC6492: Final = "6492" * 16


def authorization_of(
    payload: Exact | Permit2, network: str, asset: str, settles_atomic: int | None = None
) -> Authorization:
    """What a payload authorizes in an asset; the signature in the spelling that contracts check."""
    raw = bytes.fromhex(payload.signature[2:])
    signature = plain_signature(raw) or raw  # a contract's own form stays as it is (ERC-1271)
    if isinstance(payload, Exact):
        sent = payload.authorization
        return Authorization(
            network=network,
            asset=asset,
            payer=checksum_address(sent.payer),
            payee=checksum_address(sent.payee),
            value_atomic=int(sent.value),
            valid_after=int(sent.valid_after),
            valid_before=int(sent.valid_before),
            nonce=sent.nonce.lower(),
            signature=signature,
        )
    permit, facilitator = payload.authorization, payload.authorization.witness.facilitator
    return Authorization(
        network=network,
        asset=asset,
        payer=checksum_address(permit.payer),
        payee=checksum_address(permit.witness.to),
        value_atomic=int(permit.permitted.amount),
        valid_after=int(permit.witness.valid_after),
        valid_before=int(permit.deadline),
        nonce=f"0x{int(permit.nonce):064x}",
        signature=signature,
        scheme=Scheme.EXACT if facilitator is None else Scheme.UPTO,
        method=Method.PERMIT2,
        settles_atomic=settles_atomic,
        facilitator="" if facilitator is None else checksum_address(facilitator),
        approval=_approval(payload.token_permit),
    )


def erc6492(signature: str) -> bool:
    """Whether a signature (``0x`` hex) is one of a contract that is not deployed (ERC-6492)."""
    return signature.lower().endswith(_ERC6492)


def _approval(permit: TokenPermit | None) -> Approval | None:
    if permit is None:
        return None
    raw = bytes.fromhex(permit.signature[2:])
    signature = plain_signature(raw) or raw  # the token tells what it thinks of others
    return Approval(int(permit.amount), int(permit.deadline), signature, int(permit.nonce))

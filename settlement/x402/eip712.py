"""EIP-712: the digests of a TransferWithAuthorization (EIP-3009) and of a PermitWitnessTransferFrom
(Permit2), and who signed them.

Written by hand for these types, since the general encoders take ten times as long; a test compares them
with x402's own hashing.
"""

from typing import Final

from coincurve import PublicKey
from eth_hash.auto import keccak

from settlement.x402.payload import Eip3009, Permit2Authorization, Witness

_DOMAIN_TYPE: Final = keccak(
    b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
_TRANSFER_TYPE: Final = keccak(
    b"TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,"
    b"uint256 validBefore,bytes32 nonce)"
)
_PERMIT2_DOMAIN_TYPE: Final = keccak(
    b"EIP712Domain(string name,uint256 chainId,address verifyingContract)"
)
_PERMIT_STUB: Final = (
    b"PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,"
    b"uint256 deadline,Witness witness)"
)
_PERMISSIONS: Final = b"TokenPermissions(address token,uint256 amount)"
_EXACT_WITNESS: Final = b"Witness(address to,uint256 validAfter)"
_UPTO_WITNESS: Final = b"Witness(address to,address facilitator,uint256 validAfter)"
_PERMISSIONS_TYPE: Final = keccak(_PERMISSIONS)
_EXACT_WITNESS_TYPE: Final = keccak(_EXACT_WITNESS)
_UPTO_WITNESS_TYPE: Final = keccak(_UPTO_WITNESS)
_EXACT_PERMIT_TYPE: Final = keccak(_PERMIT_STUB + _PERMISSIONS + _EXACT_WITNESS)
_UPTO_PERMIT_TYPE: Final = keccak(_PERMIT_STUB + _PERMISSIONS + _UPTO_WITNESS)
_HALF_ORDER: Final = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
_SIGNATURE_BYTES: Final = 65


def domain_separator(name: str, version: str, chain_id: int, verifying_contract: str) -> bytes:
    """The hash of a token's EIP-712 domain."""
    return keccak(
        _DOMAIN_TYPE
        + keccak(name.encode())
        + keccak(version.encode())
        + chain_id.to_bytes(32, "big")
        + _address(verifying_contract)
    )


def transfer_digest(separator: bytes, authorization: Eip3009) -> bytes:
    """What the payer signs: the digest of the authorization in the token's domain."""
    struct = keccak(
        _TRANSFER_TYPE
        + _address(authorization.payer)
        + _address(authorization.payee)
        + int(authorization.value).to_bytes(32, "big")
        + int(authorization.valid_after).to_bytes(32, "big")
        + int(authorization.valid_before).to_bytes(32, "big")
        + bytes.fromhex(authorization.nonce[2:])
    )
    return keccak(b"\x19\x01" + separator + struct)


def permit2_separator(chain_id: int, permit2: str) -> bytes:
    """The hash of Permit2's EIP-712 domain, which has no version."""
    name = keccak(b"Permit2")
    return keccak(_PERMIT2_DOMAIN_TYPE + name + chain_id.to_bytes(32, "big") + _address(permit2))


def permit_digest(separator: bytes, permit: Permit2Authorization) -> bytes:
    """What the payer signs: the digest of the permit in Permit2's domain. A witness that names a
    facilitator is one of scheme ``upto``."""
    upto = permit.witness.facilitator is not None
    permitted = keccak(
        _PERMISSIONS_TYPE
        + _address(permit.permitted.token)
        + int(permit.permitted.amount).to_bytes(32, "big")
    )
    struct = keccak(
        (_UPTO_PERMIT_TYPE if upto else _EXACT_PERMIT_TYPE)
        + permitted
        + _address(permit.spender)
        + int(permit.nonce).to_bytes(32, "big")
        + int(permit.deadline).to_bytes(32, "big")
        + _witness_hash(permit.witness)
    )
    return keccak(b"\x19\x01" + separator + struct)


def _witness_hash(witness: Witness) -> bytes:
    after = int(witness.valid_after).to_bytes(32, "big")
    if witness.facilitator is None:
        return keccak(_EXACT_WITNESS_TYPE + _address(witness.to) + after)
    return keccak(_UPTO_WITNESS_TYPE + _address(witness.to) + _address(witness.facilitator) + after)


def plain_signature(signature: bytes) -> bytes | None:
    """``r || s || v`` with v 27 or 28, as USDC checks it; None for any other form.

    The upper half of s is refused (EIP-2): it would be the same signature in a second spelling.
    """
    if len(signature) != _SIGNATURE_BYTES or int.from_bytes(signature[32:64], "big") > _HALF_ORDER:
        return None
    v = signature[64] + 27 if signature[64] in (0, 1) else signature[64]
    return signature[:64] + bytes((v,)) if v in (27, 28) else None


def signer_of(digest: bytes, signature: bytes) -> str | None:
    """The lower-case address whose key made a plain signature; None when there is no such key."""
    recoverable = signature[:64] + bytes((signature[64] - 27,))
    try:
        key = PublicKey.from_signature_and_message(recoverable, digest, hasher=None)
    except ValueError:
        return None
    return "0x" + keccak(key.format(compressed=False)[1:])[-20:].hex()


def checksum_address(address: str) -> str:
    """The EIP-55 spelling."""
    plain = address[2:].lower()
    digest = keccak(plain.encode()).hex()[: len(plain)]
    return "0x" + "".join(
        char.upper() if nibble >= "8" else char for char, nibble in zip(plain, digest, strict=True)
    )


def _address(address: str) -> bytes:
    return bytes.fromhex(address[2:]).rjust(32, b"\0")

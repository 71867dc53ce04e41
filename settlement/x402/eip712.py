"""EIP-712 for one token: the digest of a TransferWithAuthorization (EIP-3009), and who signed it.

Written by hand for this one type, since the general encoders take ten times as long; a test compares it
with x402's own hashing.
"""

from typing import Final

from coincurve import PublicKey
from eth_hash.auto import keccak

from settlement.x402.payload import Eip3009

_DOMAIN_TYPE: Final = keccak(
    b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
_TRANSFER_TYPE: Final = keccak(
    b"TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,"
    b"uint256 validBefore,bytes32 nonce)"
)
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

"""The hash of Ethereum."""

from eth_utils.crypto import keccak


def keccak256(data: bytes) -> bytes:
    """32 bytes: Keccak-256 as Ethereum has it, not NIST's SHA3-256."""
    return bytes(keccak(data))

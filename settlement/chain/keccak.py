"""The hash of Ethereum."""


def keccak256(data: bytes) -> bytes:
    """32 bytes: Keccak-256 as Ethereum has it, not NIST's SHA3-256."""
    from eth_utils.crypto import keccak  # large, and many servers know no chain

    return bytes(keccak(data))

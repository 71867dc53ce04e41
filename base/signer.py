"""The seam for Ed25519 signatures (RFC 8032): file, environment and remote keys look alike."""

from typing import Protocol


class Signer(Protocol):
    """A private key that signs without showing itself.

    ``key_id`` names the public key in records: the first 8 hex digits of SHA-256(public key).
    """

    @property
    def key_id(self) -> str: ...

    @property
    def public_key(self) -> bytes:
        """The raw 32-byte public key."""
        ...

    def sign(self, message: bytes) -> bytes:
        """The 64-byte signature."""
        ...

"""The seam for Ed25519 signatures (RFC 8032): keys in a file, in a variable and with a service look
alike."""

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
        """The 64-byte signature; it may wait for a service. Raises SignerUnavailable (base.signers)."""
        ...

    async def signed(self, message: bytes) -> bytes:
        """The same, for the event loop. A key that is at hand signs at once, without giving way."""
        ...

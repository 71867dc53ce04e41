"""Where a private key of Ed25519 can live beside a file: in a variable, or with a service that signs.

Both fail closed: without a good signature nothing is signed, and no message holds a key.
"""

import base64
import json
import os
import urllib.request
from typing import Final

from base.errors import ServiceUnavailable
from base.secret_file import SECRET_BYTES, KeyFileError
from base.signing import SeedSigner, key_id_of, signature_holds

_TIMEOUT_S: Final = 5.0
_LARGEST_ANSWER: Final = 4096


class SignerUnavailable(ServiceUnavailable):
    """The service that signs did not answer, or not with a signature of the pinned key."""

    def __init__(self, message: str) -> None:
        super().__init__(message, resolution="The operator finds the cause in the log.")


def env_signer(name: str) -> SeedSigner:
    """The signer of a key in an environment variable: 64 hex digits. Raises KeyFileError."""
    try:
        seed = bytes.fromhex(os.environ.get(name, ""))
    except ValueError:
        seed = b""
    if len(seed) != SECRET_BYTES:
        raise KeyFileError(f"The variable {name} should hold {2 * SECRET_BYTES} hex digits.")
    return SeedSigner(seed)


class RemoteSigner:
    """Asks a service for each signature; call it off the event loop.

    ``POST url {"public_key": hex, "message": base64}`` is answered with ``{"signature": base64}``, which
    is checked against the pinned key before it is used. ``token`` is sent as a bearer token.
    """

    __slots__ = ("_token", "_url", "key_id", "public_key")

    def __init__(self, url: str, public_key: bytes, token: str = "") -> None:
        self._url = url
        self._token = token
        self.public_key = public_key
        self.key_id = key_id_of(public_key)

    def sign(self, message: bytes) -> bytes:
        """Raises SignerUnavailable."""
        asked = {"public_key": self.public_key.hex(), "message": base64.b64encode(message).decode()}
        headers = {"content-type": "application/json"}
        if self._token:
            headers["authorization"] = f"Bearer {self._token}"
        request = urllib.request.Request(self._url, json.dumps(asked).encode(), headers, method="POST")  # noqa: S310 - the setting allows http and https alone
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
                told = json.loads(answer.read(_LARGEST_ANSWER))
            signature = base64.b64decode(told["signature"], validate=True)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SignerUnavailable(f"The signer does not sign: {type(error).__name__}.") from None
        if not signature_holds(self.public_key, message, signature):
            raise SignerUnavailable("The signer answered with no signature of the pinned key.")
        return signature

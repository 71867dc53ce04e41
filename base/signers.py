"""Where a private key of Ed25519 can live beside a file: in a variable, or with a service that signs.

Both fail closed: without a good signature nothing is signed, and no message holds a key.
"""

import asyncio
import base64
import json
import os
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, Final

from base.errors import ServiceUnavailable
from base.secret_file import SECRET_BYTES, KeyFileError
from base.signer import Signer
from base.signing import SeedSigner, key_id_of, signature_holds

_TIMEOUT_S: Final = 5.0
_LARGEST_ANSWER: Final = 4096
_AT_ONCE: Final = 8


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


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """The token is for the service that the operator named, and for no other."""

    def redirect_request(self, *_: Any) -> None:
        return None


_OPENER: Final = urllib.request.build_opener(_NoRedirects, urllib.request.ProxyHandler({}))


class RemoteSigner:
    """Asks a service for each signature, in threads of its own: one that hangs holds up nobody else.

    ``POST url {"public_key": hex, "message": base64}`` is answered with ``{"signature": base64}``, which
    is checked against the pinned key before it is used. ``token`` is sent as a bearer token.
    """

    __slots__ = ("_threads", "_token", "_url", "key_id", "public_key")

    def __init__(self, url: str, public_key: bytes, token: str = "") -> None:
        self._url = url
        self._token = token
        self.public_key = public_key
        self.key_id = key_id_of(public_key)
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="signer")

    async def signed(self, message: bytes) -> bytes:
        """Raises SignerUnavailable, after ten seconds too."""
        asking = asyncio.get_running_loop().run_in_executor(self._threads, self.sign, message)
        try:
            async with asyncio.timeout(2 * _TIMEOUT_S):
                return await asking
        except TimeoutError:
            raise SignerUnavailable("The signer does not answer in time.") from None

    def sign(self, message: bytes) -> bytes:
        """Raises SignerUnavailable."""
        asked = {"public_key": self.public_key.hex(), "message": base64.b64encode(message).decode()}
        headers = {"content-type": "application/json"}
        if self._token:
            headers["authorization"] = f"Bearer {self._token}"
        request = urllib.request.Request(self._url, json.dumps(asked).encode(), headers, method="POST")  # noqa: S310 - the setting allows http and https alone
        try:
            with _OPENER.open(request, timeout=_TIMEOUT_S) as answer:
                told = json.loads(answer.read(_LARGEST_ANSWER))
            signature = base64.b64decode(told["signature"], validate=True)
        except (OSError, HTTPException, ValueError, KeyError, TypeError, RecursionError) as error:
            raise SignerUnavailable(f"The signer does not sign: {type(error).__name__}.") from None
        if not signature_holds(self.public_key, message, signature):
            raise SignerUnavailable("The signer answered with no signature of the pinned key.")
        return signature


@dataclass(frozen=True, slots=True)
class OutsideKeys:
    """A key that is not a file of the server's: the one in use, and how an earlier one of the same home
    still signs, given its public key; None where it does not."""

    current: Signer
    earlier: Callable[[bytes], Signer | None]


def outside_keys(where: str, public_key: str | None, token: str) -> OutsideKeys | None:
    """What ``env:NAME`` or a URL names; None for ``file``. ``public_key``, in hex, pins a service's.

    Raises KeyFileError.
    """
    if where == "file":
        return None
    if where.startswith("env:"):
        return OutsideKeys(env_signer(where.removeprefix("env:")), lambda _: None)
    assert public_key is not None  # the settings say so
    current = RemoteSigner(where, bytes.fromhex(public_key), token)
    return OutsideKeys(current, lambda key: RemoteSigner(where, key, token))

"""A wallet signs in at a server: the token that spends its credit and opens what it bought there."""

import base64
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import httpx2
import orjson

from settlement.sign_in.message import EXTENSION, HEADER, PATH, SignInMessage

_UNSIGNED: Final = "0x00"


class Signer(Protocol):
    """A wallet's key; ``address`` is EIP-55."""

    @property
    def address(self) -> str: ...

    def sign_text(self, text: str) -> bytes:
        """The signature of a message (EIP-191, version 0x45)."""
        ...


class SignInFailed(Exception):
    """The server gives the wallet no token; the message says why."""


async def wallet_token(http: httpx2.AsyncClient, wallet: Signer, network: str) -> str:
    """The token of a wallet that has paid on ``network`` (CAIP-2), by its signature. ``http`` has the
    server's URL as its base: a challenge for any other place is not signed.

    Raises SignInFailed, and httpx2.HTTPError without an answer.
    """
    challenge = _taken(await http.get(PATH))
    proof = _proof(challenge, wallet, network, str(http.base_url))
    signed = _taken(await http.post(PATH, headers={HEADER: proof}))
    return str(signed["access_token"])


def _proof(challenge: Any, wallet: Signer, network: str, url: str) -> str:
    try:
        info = challenge["extensions"][EXTENSION]["info"]
        unsigned = {**info, "chainId": network, "type": "eip191", "address": wallet.address}
        message = SignInMessage.model_validate({**unsigned, "signature": _UNSIGNED})
    except (KeyError, TypeError, ValueError) as error:
        raise SignInFailed("The server's sign-in can't be read.") from error
    here = urlsplit(url)
    if message.domain != here.netloc or message.uri != f"{here.scheme}://{here.netloc}{PATH}":
        raise SignInFailed(f"The sign-in is for {message.uri}, not for {url}: it was not signed.")
    signature = wallet.sign_text(message.text())
    return base64.b64encode(orjson.dumps({**unsigned, "signature": "0x" + signature.hex()})).decode()


def _taken(response: httpx2.Response) -> Any:
    if response.status_code != httpx2.codes.OK:
        raise SignInFailed(f"The server answered the sign-in with {response.status_code}.")
    try:
        return orjson.loads(response.content)
    except orjson.JSONDecodeError as error:
        raise SignInFailed("The server's sign-in can't be read.") from error

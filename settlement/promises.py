"""Signed quotes: a price that holds until it expires, for whoever names it.

A token is ``q1.<payload>.<signature>``, both base64url without padding. The payload is canonical JSON
(RFC 8785) of strings and integers; the signature is Ed25519 by the key of records over
``batchin-quote|`` and the payload's bytes.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import orjson

from base.canonical import canonical
from base.clock import Clock
from base.errors import QuoteExceeded, QuoteExpired, QuoteInvalid
from base.money import usd_text
from base.pricing import PriceCard, Quote
from base.signing import key_id_of, signature_holds
from settlement.evidence.keyring import KeyRing

HEADER: Final = "X-BatchIn-Quote"
META: Final = "batchin/quote"
_FORM: Final = "q1"
_DOMAIN: Final = b"batchin-quote|"
_MOST_CHARS: Final = 4_096


@dataclass(frozen=True, slots=True)
class Promises:
    """Signs quotes with the key in use, and takes those of earlier keys that are still believed."""

    ring: KeyRing
    clock: Clock

    async def signed(self, quote: Quote, expires_at_s: int) -> str:
        """The token of a quote: its card, frozen, and the most that a call which names it costs.

        Raises SignerUnavailable.
        """
        signer = self.ring.current.signer
        payload = canonical(
            {
                "model": quote.model,
                "card": {name: str(value) for name, value in asdict(quote.card).items()},
                "max_nano_usd": str(quote.max_nano_usd),
                "issued_at_ms": self.clock.now_ms(),
                "expires_at": expires_at_s,
                "key_id": signer.key_id,
            }
        )
        signature = await signer.signed(_DOMAIN + payload)
        return ".".join((_FORM, _text(payload), _text(signature)))

    def kept(self, token: str, quote: Quote) -> Quote:
        """A call's own quote at the promised prices.

        Raises QuoteInvalid, QuoteExpired, QuoteExceeded.
        """
        promise = self._read(token)
        if self.clock.now_ms() >= promise["expires_at"] * 1000:
            raise QuoteExpired("The quote has expired.", param=HEADER)
        if quote.named_model != promise["model"]:
            raise QuoteInvalid(
                f"The quote is for one call of {promise['model']!r}, and this is none.", param=HEADER
            )
        card = {name: int(text) for name, text in promise["card"].items() if name != "version"}
        promised = Quote(quote.model, PriceCard(promise["card"]["version"], **card), quote.bound)
        most = int(promise["max_nano_usd"])
        if promised.max_nano_usd > most:
            size = quote.bound
            raise QuoteExceeded(
                f"This call may cost {usd_text(promised.max_nano_usd)} USD and the quote is for "
                f"{usd_text(most)}: the call's size is at most {size.input_tokens} input tokens, "
                f"{size.output_tokens} output tokens and {size.images} images.",
                param=HEADER,
            )
        return promised

    def _read(self, token: str) -> Mapping[str, Any]:
        form, _, rest = token.partition(".")
        payload_text, _, signature_text = rest.partition(".")
        try:
            if form != _FORM or len(token) > _MOST_CHARS:
                raise ValueError
            payload, signature = _bytes(payload_text), _bytes(signature_text)
            promise: dict[str, Any] = orjson.loads(payload)
            key_id, issued_ms = promise["key_id"], promise["issued_at_ms"]
        except (ValueError, binascii.Error, KeyError, TypeError):
            raise QuoteInvalid("What is named as a quote is none.", param=HEADER) from None
        for key in self.ring.history:
            if key.revoked_size is not None or key_id_of(key.public_key) != key_id:
                continue
            held = signature_holds(key.public_key, _DOMAIN + payload, signature)
            if held and key.valid_at(issued_ms):  # only what we signed has the types that we wrote
                return promise
        raise QuoteInvalid("The quote was not signed by this server.", param=HEADER)


def no_promises(_: str, quote: Quote) -> Quote:
    """Where quotes are not signed, none is known."""
    raise QuoteInvalid("This server signs no quotes.", param=HEADER)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if _text(raw) != text:
        raise ValueError("not in its one form")
    return raw

"""Signed offers and receipts: the x402 extension ``offer-receipt`` (specs/extensions/
extension-offer-and-receipt.md, version 1), as JWS with EdDSA.

An offer is the seller's word on what a call costs, a receipt on what was paid; each can be verified with
the key that the did:web document of the server shows. The receipt names the evidence of its call.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlsplit

from base.canonical import canonical
from base.clock import Clock
from base.signer import Signer
from base.signers import SignerUnavailable
from settlement.evidence.keyring import KeyRing

OFFER_RECEIPT: Final = "offer-receipt"
_VERSION: Final = 1
_DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
_OFFERED: Final = ("scheme", "network", "asset", "payTo", "amount")
_JWS: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {
        "format": {"type": "string"},
        "acceptIndex": {"type": "integer"},
        "signature": {"type": "string"},
    },
    "required": ["format", "signature"],
}
_OFFERS: Final[Mapping[str, Any]] = {
    "$schema": _DRAFT,
    "type": "object",
    "properties": {"offers": {"type": "array", "items": _JWS}},
    "required": ["offers"],
}
_RECEIPT: Final[Mapping[str, Any]] = {
    "$schema": _DRAFT,
    "type": "object",
    "properties": {"receipt": _JWS},
    "required": ["receipt"],
}


@dataclass(frozen=True, slots=True)
class Statements:
    """Signs with the keys of records. ``base_url`` is what callers see, without a path."""

    keys: KeyRing
    base_url: str
    clock: Clock

    async def offers(self, resource_url: str, accepts: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
        """The extension of a challenge: each of its ``accepts``, signed and good as long as its payment
        may take. Raises SignerUnavailable."""
        now_s = self.clock.now_ms() // 1000
        signer = self.keys.current.signer
        offers = []
        for at, accepted in enumerate(accepts):
            payload = {
                "version": _VERSION,
                "resourceUrl": resource_url,
                **{name: accepted[name] for name in _OFFERED},
                "validUntil": now_s + accepted["maxTimeoutSeconds"],
            }
            jws = await self._jws(payload, signer)
            offers.append({"format": "jws", "acceptIndex": at, "signature": jws})
        return {"info": {"offers": offers}, "schema": _OFFERS}

    async def settlement(
        self,
        settled: Mapping[str, Any],
        resource_url: str,
        evidence: Mapping[str, Any],
        receipt: Mapping[str, Any],
    ) -> Mapping[str, Any]:
        """The SettleResponse of a call that was answered, with its signed receipt: the same whenever it
        is asked for, by the key of the call's record, and without it where that key can't sign now: the
        call is answered all the same. Raises KeyFileError when the key is gone."""
        payload = {
            "version": _VERSION,
            "network": settled["network"],
            "resourceUrl": resource_url,
            "payer": settled["payer"],
            "issuedAt": receipt["receipt_payload"]["issued_at_ms"] // 1000,
            "transaction": settled["transaction"],
            "evidence": {
                "hash": evidence["payload_hash"],
                "url": f"{self.base_url}/v1/audit/{evidence['record_id']}/bundle",
            },
        }
        try:
            jws = await self._jws(payload, self.keys.signer_of(receipt["key_id"]))
        except SignerUnavailable:
            return settled
        signed = {"info": {"receipt": {"format": "jws", "signature": jws}}, "schema": _RECEIPT}
        return {**settled, "extensions": {OFFER_RECEIPT: signed}}

    async def _jws(self, payload: Mapping[str, Any], signer: Signer) -> str:
        """RFC 7515 compact serialization; the payload in RFC 8785 form."""
        host = quote(urlsplit(self.base_url).netloc, safe="")
        header = {"alg": "EdDSA", "kid": f"did:web:{host}#{signer.key_id}"}
        signed = f"{_base64url(canonical(header))}.{_base64url(canonical(payload))}"
        return f"{signed}.{_base64url(await signer.signed(signed.encode()))}"


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

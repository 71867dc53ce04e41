"""Check a payment against what this server asks for: nothing that its payload claims is believed."""

from collections.abc import Sequence
from dataclasses import dataclass

from settlement.x402 import reasons
from settlement.x402.eip712 import (
    checksum_address,
    domain_separator,
    plain_signature,
    signer_of,
    transfer_digest,
)
from settlement.x402.facilitator import Authorization
from settlement.x402.networks import v1_name
from settlement.x402.payload import Payment, PaymentV1
from settlement.x402.sale import SCHEME, Asset, Offer

_TERMS = ("scheme", "network", "amount", "asset", "payTo", "maxTimeoutSeconds", "extra")


class NotSigned(Exception):
    """Nobody's money stands behind the payment. ``reason`` is x402's."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Claim:
    """A payment that its payer did sign for our token; whether it fits an order is another question."""

    payment: Payment
    authorization: Authorization


class Checker:
    """Checks payments in one asset, without a word to the chain: about 0.1 ms each."""

    def __init__(self, asset: Asset) -> None:
        self._asset = asset
        self._separator = domain_separator(asset.name, asset.version, asset.chain_id, asset.address)

    def claim(self, payment: Payment) -> Claim:
        """The authorization, if the payer signed it for this asset. Raises NotSigned.

        Contract wallets (ERC-1271, ERC-6492) are not accepted: their signatures have other forms.
        """
        self._in_our_asset(payment)
        sent = payment.payload.authorization
        signature = plain_signature(bytes.fromhex(payment.payload.signature[2:]))
        digest = transfer_digest(self._separator, sent)
        if signature is None or signer_of(digest, signature) != sent.payer.lower():
            raise NotSigned(reasons.SIGNATURE)
        authorization = Authorization(
            network=self._asset.network,
            asset=self._asset.address,
            payer=checksum_address(sent.payer),
            payee=checksum_address(sent.payee),
            value_atomic=int(sent.value),
            valid_after=int(sent.valid_after),
            valid_before=int(sent.valid_before),
            nonce=sent.nonce.lower(),
            signature=signature,
        )
        return Claim(payment, authorization)

    def _in_our_asset(self, payment: Payment) -> None:
        if isinstance(payment, PaymentV1):
            if payment.scheme != SCHEME:
                raise NotSigned(reasons.UNSUPPORTED_SCHEME)
            if payment.network not in (v1_name(self._asset.network), self._asset.network):
                raise NotSigned(reasons.NETWORK_MISMATCH)
            return
        if payment.accepted.get("scheme") != SCHEME:
            raise NotSigned(reasons.UNSUPPORTED_SCHEME)
        if payment.accepted.get("network") != self._asset.network:
            raise NotSigned(reasons.NETWORK_MISMATCH)


def offer_taken(payment: Payment, offers: Sequence[Offer]) -> Offer | None:
    """The offer that a payment accepts, by every term. Version 1 payments name none: the first."""
    if isinstance(payment, PaymentV1):
        return offers[0]
    accepted = {term: payment.accepted.get(term) for term in _TERMS}
    return next((offer for offer in offers if offer.requirements == accepted), None)


def is_for(payment: Payment, url: str) -> bool:
    """Whether a payment may pay for a resource: one that names none may pay for any."""
    named = None if isinstance(payment, PaymentV1) else payment.resource
    return named is None or named.url == url


def misfit(authorization: Authorization, offer: Offer, now_s: int, needed_s: int) -> str | None:
    """The x402 reason for which a signed authorization can't pay an offer now, None when it can."""
    if authorization.payee.lower() != offer.requirements["payTo"].lower():
        return reasons.RECIPIENT
    if authorization.value_atomic != offer.amount_atomic:
        return reasons.VALUE
    if authorization.valid_after > now_s:
        return reasons.VALID_AFTER
    if authorization.valid_before < now_s + needed_s:
        return reasons.VALID_BEFORE
    return None

"""Check a payment against what this server asks for: nothing that its payload claims is believed."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from settlement.chain.permit2 import EXACT_PROXY, PERMIT2, UPTO_PROXY
from settlement.x402 import reasons
from settlement.x402.authorization import authorization_of, erc6492
from settlement.x402.eip712 import (
    domain_separator,
    permit2_separator,
    permit_digest,
    plain_signature,
    signer_of,
    transfer_digest,
)
from settlement.x402.facilitator import Authorization, Method, Scheme
from settlement.x402.networks import v1_name
from settlement.x402.payload import Exact, Payment, PaymentV1, Permit2, TokenPermit
from settlement.x402.sale import Asset, Offer

_TERMS = ("scheme", "network", "amount", "asset", "payTo", "maxTimeoutSeconds", "extra")
_PROXIES = {Scheme.EXACT: EXACT_PROXY, Scheme.UPTO: UPTO_PROXY}


class NotSigned(Exception):
    """Nobody's money stands behind the payment. ``reason`` is x402's."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Claim:
    """A payment for our token; whether it fits an order is another question.

    ``signed`` tells that its payer's key did sign it. Where it is False the payer may still be a
    contract (ERC-1271) that says so for ``digest``.
    """

    payment: Payment
    authorization: Authorization
    digest: bytes
    signed: bool

    @property
    def refusal(self) -> str:
        """Why it is refused when nobody signed it."""
        permit2 = self.authorization.method is Method.PERMIT2
        return reasons.PERMIT_SIGNATURE if permit2 else reasons.SIGNATURE


class Checker:
    """Checks payments in one asset, without a word to the chain: about 0.1 ms each."""

    def __init__(self, asset: Asset) -> None:
        self._asset = asset
        self._separator = domain_separator(asset.name, asset.version, asset.chain_id, asset.address)
        self._permit2 = permit2_separator(asset.chain_id, PERMIT2)

    def claim(self, payment: Payment) -> Claim:
        """What the payment authorizes in this asset, and whether its payer's key signed it.

        Raises NotSigned for another asset or network, and for wallets that are not deployed yet
        (ERC-6492): whoever settles would have to call a contract that the payer names.
        """
        self._in_our_asset(payment)
        if erc6492(payment.payload.signature):
            raise NotSigned(reasons.UNDEPLOYED)
        authorization = authorization_of(payment.payload, self._asset.network, self._asset.address)
        digest = self._digest(payment.payload)
        signature = plain_signature(authorization.signature)
        signed = signature is not None and signer_of(digest, signature) == authorization.payer.lower()
        return Claim(payment, authorization, digest, signed)

    def _digest(self, payload: Exact | Permit2) -> bytes:
        if isinstance(payload, Permit2):
            return permit_digest(self._permit2, payload.authorization)
        return transfer_digest(self._separator, payload.authorization)

    def _in_our_asset(self, payment: Payment) -> None:
        if isinstance(payment, PaymentV1):
            if payment.scheme != Scheme.EXACT:
                raise NotSigned(reasons.UNSUPPORTED_SCHEME)
            if payment.network not in (v1_name(self._asset.network), self._asset.network):
                raise NotSigned(reasons.NETWORK_MISMATCH)
            return
        if payment.accepted.get("scheme") not in frozenset(Scheme):
            raise NotSigned(reasons.UNSUPPORTED_SCHEME)
        if payment.accepted.get("network") != self._asset.network:
            raise NotSigned(reasons.NETWORK_MISMATCH)
        payload, ours = payment.payload, self._asset.address.lower()
        if isinstance(payload, Permit2) and payload.authorization.permitted.token.lower() != ours:
            raise NotSigned(reasons.TOKEN)


def network_named(payment: Payment, known: Collection[str]) -> str | None:
    """Which of the known networks a payment is for; version 1 has names of its own for them."""
    if isinstance(payment, PaymentV1):
        return next((one for one in known if payment.network in (one, v1_name(one))), None)
    return next((one for one in known if payment.accepted.get("network") == one), None)


def offer_taken(payment: Payment, offers: Sequence[Offer]) -> Offer | None:
    """The offer that a payment accepts, by every term. Version 1 payments name none: the first that
    version 1 knows."""
    if isinstance(payment, PaymentV1):
        return next(offer for offer in offers if offer.in_v1)
    accepted = {term: payment.accepted.get(term) for term in _TERMS}
    return next((offer for offer in offers if offer.requirements == accepted), None)


def is_for(payment: Payment, url: str) -> bool:
    """Whether a payment may pay for a resource: one that names none may pay for any."""
    named = None if isinstance(payment, PaymentV1) else payment.resource
    return named is None or named.url == url


def misfit(claim: Claim, offer: Offer, now_s: int, needed_s: int) -> str | None:
    """The x402 reason for which what was signed can't pay an offer now, None when it can."""
    authorization, payload = claim.authorization, claim.payment.payload
    if authorization.method is not offer.method or authorization.scheme is not offer.scheme:
        return reasons.NO_MATCH
    if authorization.payee.lower() != offer.requirements["payTo"].lower():
        return reasons.RECIPIENT
    if authorization.value_atomic != offer.amount_atomic:
        return reasons.VALUE
    if authorization.valid_after > now_s:
        return reasons.VALID_AFTER
    if authorization.valid_before < now_s + needed_s:
        return reasons.VALID_BEFORE
    if not isinstance(payload, Permit2):
        return None
    if payload.authorization.spender.lower() != _PROXIES[offer.scheme].lower():
        return reasons.SPENDER
    if authorization.facilitator.lower() != offer.facilitator.lower():
        return reasons.FACILITATOR
    return _permit_misfit(payload.token_permit, authorization, now_s + needed_s)


def _permit_misfit(permit: TokenPermit | None, signed: Authorization, until_s: int) -> str | None:
    """The same for the permit by which Permit2 gets the tokens. Its signature is the token's affair."""
    if permit is None:
        return None
    if permit.payer.lower() != signed.payer.lower():
        return reasons.APPROVAL_PAYER
    if permit.asset.lower() != signed.asset.lower():
        return reasons.APPROVAL_ASSET
    if permit.spender.lower() != PERMIT2.lower():
        return reasons.APPROVAL_SPENDER
    if int(permit.amount) != signed.value_atomic:
        return reasons.APPROVAL_AMOUNT
    return reasons.APPROVAL_EXPIRED if int(permit.deadline) < until_s else None

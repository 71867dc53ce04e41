"""A wallet that pays the challenges of one server, within the limits of its owner."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import anyio
from eth_account import Account
from x402 import x402Client
from x402.mechanisms.evm.default_assets import find_default_asset
from x402.mechanisms.evm.exact import ExactEvmScheme
from x402.mechanisms.evm.signers import EthAccountSigner
from x402.schemas import PaymentRequired

from base.money import NANO_PER_USD, ceil_div
from server.bridge.purse import Purse, Unaffordable
from settlement.chain import devnet

_SCHEME: Final = "exact"
_UPFRONT: Final = "upfront"


class Wallet:
    """Credentials too: once something was paid, the rest is spent as credit, by its access token.

    It pays in dollars that the x402 client knows (USDC on the public networks), and in the play money of
    development chains.
    """

    def __init__(self, secret: bytes, purse: Purse, server: str) -> None:
        self._account = Account.from_key(secret)
        self._purse = purse
        self._server = server
        self._bearer = purse.token(server)
        self._client = x402Client()
        self._client.register("eip155:*", ExactEvmScheme(EthAccountSigner(self._account)))
        self._client.set_spend_controls(False)  # offers are judged here, over all calls

    @property
    def address(self) -> str:
        """EIP-55."""
        return str(self._account.address)

    @property
    def bearer(self) -> str | None:
        return self._bearer

    def refused(self) -> bool:
        """A token that expired, or of a server that started anew, is forgotten."""
        had = self._bearer is not None
        if had:
            self.keep(None)
        return had

    def keep(self, token: str | None) -> None:
        """Spend the credit of this token from now on."""
        if token != self._bearer:
            self._bearer = token
            self._purse.keep_token(self._server, token)

    async def pay(self, challenge: Mapping[str, Any], *, streamed: bool) -> dict[str, Any]:
        """Sign one offer of a challenge: the x402 PaymentPayload in wire form.

        ``streamed`` prefers the offer that is settled before the run, which alone shows text while it
        grows. Raises Unaffordable.
        """
        offer = _chosen(challenge.get("accepts"), streamed)
        required = PaymentRequired.model_validate({**challenge, "accepts": [offer]})
        amount_nano_usd = _nano_usd(offer)
        assert amount_nano_usd is not None
        await anyio.to_thread.run_sync(self._purse.spend, amount_nano_usd)
        payload = await self._client.create_payment_payload(required)
        return payload.model_dump(by_alias=True, exclude_none=True)


def _chosen(accepts: Any, streamed: bool) -> Mapping[str, Any]:
    offers: Sequence[Any] = accepts if isinstance(accepts, list) else ()
    payable = [offer for offer in offers if isinstance(offer, Mapping) and _nano_usd(offer) is not None]
    if not payable:
        raise Unaffordable("The server asks for no money that this wallet pays in (USDC, scheme exact).")
    return min(payable, key=lambda offer: (_is_upfront(offer) is not streamed, _nano_usd(offer)))


def _is_upfront(offer: Mapping[str, Any]) -> bool:
    extra = offer.get("extra")
    return isinstance(extra, Mapping) and extra.get("paymentFlow") == _UPFRONT


def _nano_usd(offer: Mapping[str, Any]) -> int | None:
    """What an offer costs; None when it is not in a dollar that is known."""
    network, asset, amount = offer.get("network"), offer.get("asset"), offer.get("amount")
    if not isinstance(network, str) or not isinstance(asset, str) or not isinstance(amount, str):
        return None
    if offer.get("scheme") != _SCHEME or not (amount.isascii() and amount.isdigit()):
        return None
    decimals = _decimals(network, asset)
    return None if decimals is None else ceil_div(int(amount) * NANO_PER_USD, 10**decimals)


def _decimals(network: str, asset: str) -> int | None:
    if network == devnet.NETWORK and asset.lower() == devnet.USDC.lower():
        return devnet.USDC_DECIMALS
    known = find_default_asset(asset, network)
    return None if known is None else int(known["decimals"])

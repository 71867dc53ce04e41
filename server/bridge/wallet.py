"""A wallet that pays the challenges of one server, within the limits of its owner."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import anyio
import httpx2
from eth_account import Account
from eth_account.messages import encode_defunct
from x402 import x402ClientSync
from x402.mechanisms.evm.default_assets import find_default_asset
from x402.mechanisms.evm.exact import ExactEvmScheme
from x402.mechanisms.evm.signers import EthAccountSigner, EthAccountSignerWithRPC
from x402.mechanisms.evm.upto import UptoEvmScheme
from x402.schemas import PaymentRequired

from base.money import NANO_PER_USD, ceil_div
from server.bridge.node import Node
from server.bridge.purse import Purse, Unaffordable
from server.wallet_token import SignInFailed, wallet_token
from settlement.chain import devnet

_EXACT: Final = "exact"
UPTO: Final = "upto"
_UPFRONT: Final = "upfront"
_PERMIT2: Final = "permit2"
_SIGN_IN_S: Final = 5.0
_logger: Final = logging.getLogger("batchin.bridge")


@dataclass(frozen=True, slots=True)
class Paid:
    """What was signed: the x402 PaymentPayload in wire form, and what it is counted as."""

    payload: Mapping[str, Any]
    offer: Mapping[str, Any]
    most_nano_usd: int


class Wallet:
    """Credentials too: what a payment left is spent as credit, with the token of a sign-in.

    It pays in dollars that the x402 client knows (USDC on the public networks), and in the play money of
    development chains. With a node of the chain (``rpc_url``) it pays by ``upto`` what a call used;
    without one by ``exact`` alone, for whether Permit2 may take its money stands on the chain.
    """

    def __init__(self, secret: bytes, purse: Purse, server: str, rpc_url: str | None = None) -> None:
        self._account = Account.from_key(secret)
        self._purse = purse
        self._server = server
        self._bearer = purse.token(server)
        self._signing_in = anyio.Lock()
        self._node = Node(rpc_url) if rpc_url else None
        self._client = x402ClientSync()
        self._client.register("eip155:*", ExactEvmScheme(EthAccountSigner(self._account)))
        if rpc_url:
            signer = EthAccountSignerWithRPC(self._account, rpc_url)
            self._client.register("eip155:*", UptoEvmScheme(signer))
        self._client.set_spend_controls(False)  # offers are judged here, over all calls

    @property
    def address(self) -> str:
        """EIP-55."""
        return str(self._account.address)

    @property
    def bearer(self) -> str | None:
        return self._bearer

    def sign_text(self, text: str) -> bytes:
        """The signature of a message (EIP-191)."""
        return bytes(self._account.sign_message(encode_defunct(text=text)).signature)

    def refused(self) -> bool:
        """A token that expired, or of a server that started anew, is forgotten."""
        had = self._bearer is not None
        if had:
            self._keep(None)
        return had

    async def sign_in(self, http: httpx2.AsyncClient, network: str) -> None:
        """Spend from now on what payments left at the server. Where that fails, calls are paid on."""
        async with self._signing_in:
            if self._bearer is not None:
                return
            try:
                with anyio.fail_after(_SIGN_IN_S):
                    token = await wallet_token(http, self, network)
            except (SignInFailed, httpx2.HTTPError, TimeoutError) as error:
                _logger.warning("no sign-in, so that credit is not spent: %s", error)
                return
            await anyio.to_thread.run_sync(self._keep, token)

    async def pay(self, challenge: Mapping[str, Any], *, streamed: bool) -> Paid:
        """Sign one offer of a challenge, counted as the most that it may move.

        ``streamed`` prefers the offer that is settled before the run, which alone shows text while it
        grows. Raises Unaffordable.
        """
        payable = self._payable(challenge.get("accepts"), streamed=streamed)
        for offer in payable:
            most_nano_usd = _nano_usd(offer)
            assert most_nano_usd is not None
            await anyio.to_thread.run_sync(self._purse.spend, most_nano_usd)
            required = PaymentRequired.model_validate({**challenge, "accepts": [offer]})
            signed = await self._signed(required, offer)
            if signed is not None:
                return Paid(signed, offer, most_nano_usd)
            await anyio.to_thread.run_sync(self._purse.give_back, most_nano_usd)
        raise Unaffordable("The server asks for no money that this wallet pays in (USDC, scheme exact).")

    async def settled(self, paid: Paid, settlement: Mapping[str, Any]) -> None:
        """Count a payment by ``upto`` as what it moved, where the chain says so; else it stays counted
        as the most that was signed."""
        if self._node is None or paid.offer["scheme"] != UPTO:
            return
        moved_atomic = await self._node.moved_atomic(paid.payload["payload"], settlement)
        moved = None if moved_atomic is None else _nano_usd({**paid.offer, "amount": str(moved_atomic)})
        if moved is not None and moved < paid.most_nano_usd:
            await anyio.to_thread.run_sync(self._purse.give_back, paid.most_nano_usd - moved)

    async def _signed(
        self, required: PaymentRequired, offer: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """None where the node does not tell what has to be signed: nothing was."""
        try:
            if offer["scheme"] == UPTO and not (self._node and await self._node.is_on(offer["network"])):
                return None
            signed = await anyio.to_thread.run_sync(self._client.create_payment_payload, required)
        except Exception as error:  # noqa: BLE001 - the client raises whatever its node's library does
            _logger.warning("the offer %s could not be signed: %s", offer["scheme"], error)
            return None
        return signed.model_dump(by_alias=True, exclude_none=True)

    def _keep(self, token: str | None) -> None:
        self._bearer = token
        self._purse.keep_token(self._server, token)

    def _payable(self, accepts: Any, *, streamed: bool) -> Iterator[Mapping[str, Any]]:
        """The offers that can be signed, best first: of the same price that which may move less."""
        offers: Sequence[Any] = accepts if isinstance(accepts, list) else ()
        known = [offer for offer in offers if isinstance(offer, Mapping) and self._can_sign(offer)]

        def price(offer: Mapping[str, Any]) -> tuple[bool, int, bool]:
            most = _nano_usd(offer) or 0
            return _is_upfront(offer) is not streamed, most, offer.get("scheme") != UPTO

        yield from sorted(known, key=price)

    def _can_sign(self, offer: Mapping[str, Any]) -> bool:
        extra = offer.get("extra")
        by_permit = isinstance(extra, Mapping) and extra.get("assetTransferMethod") == _PERMIT2
        way = (offer.get("scheme"), by_permit)
        if way != (_EXACT, False) and (way != (UPTO, True) or self._node is None):
            return False
        return _nano_usd(offer) is not None


def _is_upfront(offer: Mapping[str, Any]) -> bool:
    extra = offer.get("extra")
    return isinstance(extra, Mapping) and extra.get("paymentFlow") == _UPFRONT


def _nano_usd(offer: Mapping[str, Any]) -> int | None:
    """What an offer costs at most; None when it is not in a dollar that is known."""
    network, asset, amount = offer.get("network"), offer.get("asset"), offer.get("amount")
    if not isinstance(network, str) or not isinstance(asset, str) or not isinstance(amount, str):
        return None
    if not (amount.isascii() and amount.isdigit()):
        return None
    decimals = _decimals(network, asset)
    return None if decimals is None else ceil_div(int(amount) * NANO_PER_USD, 10**decimals)


def _decimals(network: str, asset: str) -> int | None:
    if network == devnet.NETWORK and asset.lower() == devnet.USDC.lower():
        return devnet.USDC_DECIMALS
    known = find_default_asset(asset, network)
    return None if known is None else int(known["decimals"])

"""The agent's wallet: a fresh key, and the official x402 client that signs with it."""

from collections.abc import Mapping
from typing import Any

from eth_account import Account
from eth_account.messages import encode_defunct
from eth_account.signers.local import LocalAccount
from x402 import x402Client
from x402.mechanisms.evm.exact import ExactEvmScheme
from x402.mechanisms.evm.signers import EthAccountSigner
from x402.schemas import PaymentRequired


class Wallet:
    """Signs x402 payments in one token on one network, each up to ``most_atomic``: what a careful agent
    allows itself, whatever a challenge asks for."""

    def __init__(self, account: LocalAccount, network: str, asset: str, most_atomic: int) -> None:
        self._account = account
        self._client = x402Client()
        self._client.register(network, ExactEvmScheme(EthAccountSigner(account)))
        self._client.set_spend_controls(
            {
                "allowed_assets": [
                    {"network": network, "asset": asset, "max_amount_per_payment": str(most_atomic)}
                ]
            }
        )

    @property
    def address(self) -> str:
        """EIP-55."""
        return str(self._account.address)

    def sign_text(self, text: str) -> bytes:
        """The signature of a message that says who it is (EIP-191): it moves no money."""
        return bytes(self._account.sign_message(encode_defunct(text=text)).signature)

    async def pay(self, challenge: Mapping[str, Any]) -> dict[str, Any]:
        """Sign one of the challenge's ``accepts``: the PaymentPayload in wire form.

        Raises x402's errors when nothing it asks for is allowed.
        """
        required = PaymentRequired.model_validate(challenge)
        payload = await self._client.create_payment_payload(required)
        return payload.model_dump(by_alias=True, exclude_none=True)


def fresh_wallet(network: str, asset: str, most_atomic: int) -> Wallet:
    """A wallet with a new key that lives in memory alone."""
    return Wallet(Account.create(), network, asset, most_atomic)

"""EVM keys (secp256k1): their addresses, and transactions signed in a thread, for it takes a ms."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from base.secret_file import file_secret

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

_DYNAMIC_FEE: Final = 2
_TIP_WEI: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Transaction:
    """An EIP-1559 transaction that pays at most ``max_fee_wei`` a gas, ``tip_wei`` of it as tip."""

    chain_id: int
    nonce: int
    to: str
    data: bytes
    gas: int
    max_fee_wei: int
    tip_wei: int = _TIP_WEI


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """``raw`` is what a node takes, ``hash`` its ``0x`` name."""

    raw: bytes
    hash: str


class EvmSigner(Protocol):
    """An EVM account that signs without showing its key. ``address`` is EIP-55."""

    @property
    def address(self) -> str: ...

    async def sign(self, transaction: Transaction) -> SignedTransaction: ...


class WalletSigner(Protocol):
    """An EVM account that signs typed data (EIP-712). ``address`` is EIP-55."""

    @property
    def address(self) -> str: ...

    async def sign_typed(self, typed: Mapping[str, Any]) -> bytes:
        """The 65 bytes r, s, v over a full message: types, primaryType, domain and message."""
        ...


class LocalSigner:
    """Signs with a private key held in memory."""

    def __init__(self, account: "LocalAccount") -> None:
        self._account = account

    @property
    def address(self) -> str:
        return str(self._account.address)

    async def sign(self, transaction: Transaction) -> SignedTransaction:
        return await asyncio.to_thread(self._sign, transaction)

    async def sign_typed(self, typed: Mapping[str, Any]) -> bytes:
        signed = await asyncio.to_thread(self._account.sign_typed_data, full_message=dict(typed))
        return bytes(signed.signature)

    def _sign(self, transaction: Transaction) -> SignedTransaction:
        from eth_utils.address import to_canonical_address

        signed = self._account.sign_transaction(
            {
                "type": _DYNAMIC_FEE,
                "chainId": transaction.chain_id,
                "nonce": transaction.nonce,
                "to": to_canonical_address(transaction.to),
                "value": 0,
                "data": transaction.data,
                "gas": transaction.gas,
                "maxFeePerGas": transaction.max_fee_wei,
                "maxPriorityFeePerGas": min(transaction.tip_wei, transaction.max_fee_wei),
            }
        )
        return SignedTransaction(bytes(signed.raw_transaction), "0x" + signed.hash.hex())


def transaction_of(raw: bytes) -> Transaction:
    """What a signed EIP-1559 transaction says."""
    from eth_account.typed_transactions.typed_transaction import TypedTransaction
    from hexbytes import HexBytes

    told = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
    return Transaction(
        chain_id=int(told["chainId"]),
        nonce=int(told["nonce"]),
        to="0x" + bytes(told["to"]).hex(),
        data=bytes(told["data"]),
        gas=int(told["gas"]),
        max_fee_wei=int(told["maxFeePerGas"]),
        tip_wei=int(told["maxPriorityFeePerGas"]),
    )


async def file_signer(path: Path) -> LocalSigner:
    """The signer of a key file (64 hex digits, mode 0600), made at first use.

    Raises base.secret_file.KeyFileError.
    """
    return await asyncio.to_thread(lambda: local_signer(file_secret(path)))


def local_signer(private_key: bytes) -> LocalSigner:
    """The signer of a raw 32-byte key."""
    from eth_account import Account

    return LocalSigner(Account.from_key(private_key))

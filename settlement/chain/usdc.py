"""USDC's calls and events as bytes (ERC-20, EIP-3009), coded with eth-abi, the codec of web3."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from eth_abi.abi import decode, encode
from eth_utils.crypto import keccak

from settlement.chain.client import Log

_TRANSFER_WITH_AUTHORIZATION: Final = (
    "address", "address", "uint256", "uint256", "uint256", "bytes32", "bytes",
)  # fmt: skip
TRANSFER: Final = "0x" + keccak(text="Transfer(address,address,uint256)").hex()
AUTHORIZATION_USED: Final = "0x" + keccak(text="AuthorizationUsed(address,bytes32)").hex()


def _selector(signature: str) -> bytes:
    return keccak(text=signature)[:4]


_BALANCE_OF: Final = _selector("balanceOf(address)")
_AUTHORIZATION_STATE: Final = _selector("authorizationState(address,bytes32)")
_MINT: Final = _selector("mint(address,uint256)")
_TRANSFER_CALL: Final = _selector(f"transferWithAuthorization({','.join(_TRANSFER_WITH_AUTHORIZATION)})")


@dataclass(frozen=True, slots=True)
class Transfer:
    """An EIP-3009 transfer: addresses, atomic units, Unix seconds, ``0x`` nonce of 32 bytes."""

    asset: str
    payer: str
    payee: str
    value_atomic: int
    valid_after: int
    valid_before: int
    nonce: str
    signature: bytes


def transfer_call(transfer: Transfer) -> bytes:
    """``transferWithAuthorization`` in its form for any signature (ECDSA and ERC-1271)."""
    arguments = (
        transfer.payer,
        transfer.payee,
        transfer.value_atomic,
        transfer.valid_after,
        transfer.valid_before,
        bytes.fromhex(transfer.nonce[2:]),
        transfer.signature,
    )
    return _TRANSFER_CALL + encode(_TRANSFER_WITH_AUTHORIZATION, arguments)


def balance_call(owner: str) -> bytes:
    return _BALANCE_OF + encode(("address",), (owner,))


def authorization_state_call(payer: str, nonce: str) -> bytes:
    return _AUTHORIZATION_STATE + encode(("address", "bytes32"), (payer, bytes.fromhex(nonce[2:])))


def mint_call(to: str, amount_atomic: int) -> bytes:
    return _MINT + encode(("address", "uint256"), (to, amount_atomic))


def number(result: bytes) -> int:
    """A uint256 or bool that a call returned."""
    return int(decode(("uint256",), result)[0])


def address_topic(address: str) -> str:
    return "0x" + address[2:].lower().rjust(64, "0")


def carried_out(transfer: Transfer, logs: Iterable[Log]) -> bool:
    """Whether one transaction's logs hold this authorization's use and the very transfer it allows."""
    payer, payee = address_topic(transfer.payer), address_topic(transfer.payee)
    used = (AUTHORIZATION_USED, payer, transfer.nonce.lower())
    moved = (TRANSFER, payer, payee)
    asset = transfer.asset.lower()
    ours = [log for log in logs if log.address.lower() == asset]
    return any(log.topics == used for log in ours) and any(
        log.topics == moved and int.from_bytes(log.data, "big") == transfer.value_atomic for log in ours
    )

"""Permit2 and the x402 proxies as bytes: the calls that settle, and the nonces that are used.

The addresses are the same on every chain (CREATE2). Source: x402 scheme_exact_evm and scheme_upto_evm.
"""

from dataclasses import dataclass
from typing import Final

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from settlement.chain.client import ChainClient

PERMIT2: Final = "0x000000000022D473030F116dDEE9F6B43aC78BA3"
EXACT_PROXY: Final = "0x402085c248EeA27D92E8b30b2C58ed07f9E20001"
UPTO_PROXY: Final = "0x4020A4f3b7b90ccA423B9fabCc0CE57C6C240002"

_APPROVAL: Final = "(uint256,uint256,bytes32,bytes32,uint8)"
_PERMIT: Final = "((address,uint256),uint256,uint256)"
_EXACT: Final = (_PERMIT, "address", "(address,uint256)", "bytes")
_UPTO: Final = (_PERMIT, "uint256", "address", "(address,address,uint256)", "bytes")


def _selector(name: str, types: tuple[str, ...]) -> bytes:
    return keccak(text=f"{name}({','.join(types)})")[:4]


_NONCE_BITMAP: Final = _selector("nonceBitmap", ("address", "uint256"))
_ALLOWANCE: Final = _selector("allowance", ("address", "address"))
_SETTLE_EXACT: Final = _selector("settle", _EXACT)
_SETTLE_UPTO: Final = _selector("settle", _UPTO)
_PERMIT_AND_SETTLE_EXACT: Final = _selector("settleWithPermit", (_APPROVAL, *_EXACT))
_PERMIT_AND_SETTLE_UPTO: Final = _selector("settleWithPermit", (_APPROVAL, *_UPTO))


@dataclass(frozen=True, slots=True)
class Permit:
    """A signed ``PermitWitnessTransferFrom``: addresses, atomic units, Unix seconds. ``facilitator`` is
    who alone may settle it, "" where anybody may (scheme ``exact``)."""

    token: str
    owner: str
    payee: str
    value_atomic: int
    valid_after: int
    deadline: int
    nonce: int
    signature: bytes
    facilitator: str = ""


@dataclass(frozen=True, slots=True)
class TokenPermit:
    """A signed EIP-2612 ``Permit`` for Permit2."""

    value_atomic: int
    deadline: int
    signature: bytes


def proxy_of(permit: Permit) -> str:
    """Whom the owner named as spender."""
    return UPTO_PROXY if permit.facilitator else EXACT_PROXY


def settle_call(permit: Permit, amount_atomic: int, approval: TokenPermit | None = None) -> bytes:
    """The call of the proxy that moves the amount (all of it, unless there is a facilitator)."""
    permitted = ((permit.token, permit.value_atomic), permit.nonce, permit.deadline)
    types: tuple[str, ...] = _EXACT
    if permit.facilitator:
        types, plain, permitting = _UPTO, _SETTLE_UPTO, _PERMIT_AND_SETTLE_UPTO
        witness: tuple[object, ...] = (permit.payee, permit.facilitator, permit.valid_after)
        values: tuple[object, ...] = (permitted, amount_atomic, permit.owner, witness, permit.signature)
    else:
        plain, permitting = _SETTLE_EXACT, _PERMIT_AND_SETTLE_EXACT
        values = (permitted, permit.owner, (permit.payee, permit.valid_after), permit.signature)
    if approval is None:
        return plain + encode(types, values)
    signed = approval.signature
    first = (approval.value_atomic, approval.deadline, signed[:32], signed[32:64], signed[64])
    return permitting + encode((_APPROVAL, *types), (first, *values))


def settles(permit: Permit, amount_atomic: int, data: bytes) -> bool:
    """Whether a proxy's call data settles just this permit, with an approval or without."""
    plain = settle_call(permit, amount_atomic)
    if data == plain:
        return True
    permitting = _PERMIT_AND_SETTLE_UPTO if permit.facilitator else _PERMIT_AND_SETTLE_EXACT
    if data[:4] != permitting:
        return False
    return data[4 + 5 * 32 :] == _behind_an_approval(permit, amount_atomic)


def nonce_call(owner: str, nonce: int) -> bytes:
    return _NONCE_BITMAP + encode(("address", "uint256"), (owner, nonce >> 8))


def nonce_used(bitmap: int, nonce: int) -> bool:
    return bool(bitmap >> (nonce & 0xFF) & 1)


def allowance_call(owner: str) -> bytes:
    """What Permit2 may take of an owner's tokens."""
    return _ALLOWANCE + encode(("address", "address"), (owner, PERMIT2))


async def is_deployed(client: ChainClient) -> bool:
    """Whether a chain has Permit2 and both proxies: a development chain of an earlier version has not.

    Raises ChainUnavailable.
    """
    return all([await client.code(contract) for contract in (PERMIT2, EXACT_PROXY, UPTO_PROXY)])


def _behind_an_approval(permit: Permit, amount_atomic: int) -> bytes:
    nothing = TokenPermit(0, 0, bytes(65))
    return settle_call(permit, amount_atomic, nothing)[4 + 5 * 32 :]

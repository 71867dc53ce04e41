"""The seam of settlement on chain: who checks and carries out a payer's authorization."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Authorization:
    """An EIP-3009 ``TransferWithAuthorization`` that a payer signed (x402 scheme ``exact``).

    ``network`` is CAIP-2; addresses are EIP-55; ``nonce`` is ``0x`` and 64 lower-case hex digits; times
    are Unix seconds; ``value_atomic`` is in atomic units of the asset.
    """

    network: str
    asset: str
    payer: str
    payee: str
    value_atomic: int
    valid_after: int
    valid_before: int
    nonce: str
    signature: bytes


class SettlementState(StrEnum):
    """SETTLED is final; REFUSED is final and moved nothing; PENDING may still become either."""

    SETTLED = "settled"
    REFUSED = "refused"
    PENDING = "pending"


@dataclass(frozen=True, slots=True)
class Settlement:
    """How a settlement ended. ``reason`` is the x402 error reason when it is not settled;
    ``transaction`` the hash ("" when there is none)."""

    state: SettlementState
    transaction: str = ""
    reason: str = ""


class Facilitator(Protocol):
    """Verifies and settles authorizations of one network."""

    async def verify(self, authorization: Authorization) -> str | None:
        """The x402 error reason for which the chain would refuse it now (``insufficient_funds``,
        ``invalid_exact_evm_nonce_already_used``, ...), None when it would be accepted. The signature,
        window and amounts were checked by the caller. Raises ServiceUnavailable when the chain does
        not answer."""
        ...

    async def settle(self, run_id: str, authorization: Authorization) -> Settlement:
        """Carry it out, exactly once for a ``run_id`` however often it is called: the signed
        transaction is durable before it is broadcast. Returns PENDING when the chain does not answer
        in time; never raises for chain trouble."""
        ...

    async def outcome(self, run_id: str, authorization: Authorization) -> Settlement:
        """What the chain says of it now: SETTLED when this authorization's nonce was used in a
        transaction with the matching Transfer (whoever sent it), REFUSED when its window has passed
        unused, else PENDING (after rebroadcasting what was journaled). Never raises for chain trouble.
        """
        ...

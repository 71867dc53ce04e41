"""The seam of settlement on chain: who checks and carries out a payer's authorization."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Scheme(StrEnum):
    """EXACT moves what the payer signed, UPTO at most that."""

    EXACT = "exact"
    UPTO = "upto"


class Method(StrEnum):
    """What the payer signed: EIP-3009's ``TransferWithAuthorization`` of the token, or Permit2's
    ``PermitWitnessTransferFrom`` for the x402 proxy of the scheme (x402's ``assetTransferMethod``)."""

    EIP3009 = "eip3009"
    PERMIT2 = "permit2"


@dataclass(frozen=True, slots=True)
class Approval:
    """An EIP-2612 ``Permit`` that lets Permit2 take ``value_atomic`` of the payer's tokens: whoever
    settles sends it along, so that the payer needs no gas. ``signature`` is ``r || s || v``, ``nonce``
    counts the payer's permits."""

    value_atomic: int
    deadline: int
    signature: bytes
    nonce: int = 0


@dataclass(frozen=True, slots=True)
class Authorization:
    """What a payer signed, and what is to be made of it.

    ``network`` is CAIP-2; addresses are EIP-55; ``nonce`` is ``0x`` and 64 lower-case hex digits; times
    are Unix seconds (``valid_before`` is Permit2's deadline); ``value_atomic`` is what was signed, in
    atomic units of the asset. ``settles_atomic`` is what moves, None where it is all that was signed;
    ``facilitator`` is who alone may settle (scheme ``upto``).
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
    scheme: Scheme = Scheme.EXACT
    method: Method = Method.EIP3009
    settles_atomic: int | None = None
    facilitator: str = ""
    approval: Approval | None = None

    @property
    def moves_atomic(self) -> int:
        return self.value_atomic if self.settles_atomic is None else self.settles_atomic


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
        """The x402 error reason for which the chain would refuse to move all that was signed now
        (``invalid_exact_evm_nonce_already_used``, ``permit2_allowance_required``, ...), None when it
        would be accepted. The signature, window and amounts were checked by the caller.
        Raises ServiceUnavailable when the chain does not answer."""
        ...

    async def settle(self, run_id: str, authorization: Authorization) -> Settlement:
        """Move ``moves_atomic`` (above zero), exactly once for a ``run_id`` however often it is called:
        the signed transaction is durable before it is broadcast. Returns PENDING when the chain does
        not answer in time; never raises for chain trouble."""
        ...

    async def outcome(self, run_id: str, authorization: Authorization) -> Settlement:
        """What the chain says of it now: SETTLED when this authorization's nonce was used in a
        transaction with the matching Transfer (whoever sent it), REFUSED when its window has passed
        unused, else PENDING (after rebroadcasting what was journaled). Never raises for chain trouble.
        """
        ...

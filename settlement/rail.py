"""The seam of payment: how a call is paid, whatever the rail.

``invoke`` asks a Rail to authorize an Order before the engine runs and gets a Grant; it captures the
Grant with the Outcome when the run ended, or releases it. Everything that must be true together
(money, usage, evidence) is one commit inside ``capture``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from base.caller import Caller
from base.energy import Energy
from base.pricing import Quote
from base.resource import Resource
from base.usage import Usage
from storage.op import Op

Also = Callable[[str], Sequence[Op]]
Moved = tuple[float, float]
"""When money moved on its chain: asked for and done, by the monotonic clock in seconds."""


def nothing(_: str) -> Sequence[Op]:
    """What becomes true with a charge and nothing else."""
    return ()


class Delivery(StrEnum):
    """How the result leaves: WHOLE after the end of the run, STREAM while it runs, or KEPT, where it can
    be read while it runs and who reads it may come again."""

    WHOLE = "whole"
    STREAM = "stream"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be paid: the call, its caller, the payment it carries (a decoded x402
    PaymentPayload, version 1 or 2), and the most it may cost. ``request_hash`` (``sha256:...``) binds
    a payment to the body; ``idempotency_key`` is what the caller names the request by."""

    run_id: str
    tool: str
    caller: Caller
    payment: Mapping[str, Any] | None
    resource: Resource
    request_hash: str
    quote: Quote
    delivery: Delivery
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """What the payer authorized, known before the run; evidence signs it.

    ``rail`` is ``balance`` (an account's prepaid balance), ``credit`` (a wallet's credit) or ``x402``.
    ``payer`` is a public reference: a wallet address, or a hash of the account id. Amounts of the
    authorization are strings: nano-USD for balance and credit, atomic units for x402.
    """

    rail: str
    payer: str
    payee: str = ""
    network: str = ""
    asset: str = ""
    nonce: str = ""
    max_amount: str = "0"


class RunStatus(StrEnum):
    COMPLETED = "completed"
    PARTIAL = "partial"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Served:
    """What truly served a call."""

    model: str
    revision: str
    engine: str
    engine_version: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended, as the books and the evidence need it.

    ``response_hash`` is ``sha256:...`` of the canonical result; ``result`` is the tool's output
    as JSON bytes, which a replay of the same payment answers with. ``details`` are what the engine told
    of its way to the result (strings, integers, lists and objects; no text of the caller). ``salt`` is
    what the record's hashes are salted with, b"" for plain ones.
    ``also`` makes, for the id of the
    account that pays, the operations that become true with the charge, in its commit.
    """

    run_id: str
    tool: str
    model: str
    served: Served
    usage: Usage
    quote: Quote
    status: RunStatus
    request_hash: str
    response_hash: str
    trace_id: str
    prompt_version: str
    started_at_ms: int
    ended_at_ms: int
    result: bytes = b"{}"
    energy: Energy | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    also: Also = nothing
    salt: bytes = b""


@dataclass(frozen=True, slots=True)
class Settled:
    """What was charged and how it was settled, after the capture is durable.

    ``settlement`` is the x402 SettleResponse for the payer, None on other rails; ``access_token`` the
    Bearer that opens what this payment bought; ``evidence`` the signed record in wire form (the evidence
    member of a bundle), ``receipt`` the signed receipt in wire form. ``salt`` is that of the record's
    hashes in hex, for the caller alone; "" where they are plain. ``moved_s`` is when money moved for
    this answer, None where none did.
    """

    charged_nano_usd: int
    evidence: Mapping[str, Any]
    receipt: Mapping[str, Any]
    settlement: Mapping[str, Any] | None = None
    credit_nano_usd: int = 0
    access_token: str | None = None
    salt: str = ""
    moved_s: Moved | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Replay:
    """This exact payment was settled for this exact request: the stored answer, and nothing runs."""

    run_id: str
    result: bytes
    settled: Settled


@dataclass(frozen=True, slots=True)
class Upfront:
    """A payment taken before the run: the x402 SettleResponse, the token of what it buys, and when the
    money moved, None where that was for an earlier answer."""

    settlement: Mapping[str, Any]
    access_token: str | None
    moved_s: Moved | None = field(default=None, compare=False)


class Grant(Protocol):
    """An authorized payment of one run. Exactly one of capture and release is called."""

    @property
    def terms(self) -> Terms: ...

    @property
    def upfront(self) -> Upfront | None:
        """Set when the money moved before the run (streams paid by x402)."""
        ...

    async def capture(self, outcome: Outcome) -> Settled:
        """Charge, record and settle: durable when it returns.

        Raises BatchinError when the payment could not be settled; then nothing may be delivered.
        """
        ...

    async def release(self) -> None:
        """Give back what was reserved: the caller is not charged."""
        ...


class Rail(Protocol):
    """A way to pay."""

    async def authorize(self, order: Order) -> Grant | Replay:
        """Secure the quote's maximum before anything runs. Cancelled, it gives back what it secured.

        Raises InsufficientFunds, or the x402 errors (settlement.x402.errors) with a challenge.
        """
        ...

"""One transfer of USDC to an account's address, from the block that shows it to the balance."""

import uuid
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from base.money import nano_from_atomic
from storage.op import Key, Row

SOURCE: Final = "usdc"
REVERSAL: Final = "deposit-reversal"
"""What postings are named by that take a credit back."""
_IDS: Final = uuid.UUID("0f2a64b5-6f2e-5d0e-9a53-8f6bb0a4f7c1")


class State(StrEnum):
    """::

        seen -> credited -> reversed -> seen ...
        seen -> dropped -> seen ...

    ``seen``: in a block, without its confirmations. ``dropped``: gone before it counted. ``reversed``:
    gone after it counted, and taken back.
    """

    SEEN = "seen"
    CREDITED = "credited"
    DROPPED = "dropped"
    REVERSED = "reversed"


@dataclass(frozen=True, slots=True)
class Deposit:
    """Addresses, hashes and the transaction are ``0x`` in lower case."""

    network: str
    genesis: str
    transaction: str
    position: int
    account_id: str
    address: str
    payer: str
    amount_atomic: int
    block: int
    block_hash: str
    state: State = State.SEEN
    generation: int = 0
    taken_back: str = ""
    seen_at_ms: int = 0
    credited_at_ms: int | None = None

    @property
    def key(self) -> Key:
        return Key("deposit", (self.network, self.genesis, self.transaction, self.position))

    @property
    def id(self) -> str:
        return str(uuid.uuid5(_IDS, self._name))

    @property
    def credit_id(self) -> str:
        """The external id of its credit: a new one after each time that it was taken back."""
        return f"{self._name}:{self.generation}"

    @property
    def reversal_id(self) -> str:
        return f"{REVERSAL}:{self.credit_id}"

    @property
    def amount_nano_usd(self) -> int:
        return nano_from_atomic(self.amount_atomic)

    def same_transfer(self, other: "Deposit") -> bool:
        """Whether both move the same amount to the same account."""
        return (self.account_id, self.address, self.amount_atomic) == (
            other.account_id,
            other.address,
            other.amount_atomic,
        )

    @property
    def _name(self) -> str:
        return f"{self.network}:{self.genesis[:18]}:{self.transaction}:{self.position}"


def deposit_row(deposit: Deposit) -> Row:
    return {
        "network": deposit.network,
        "genesis": deposit.genesis,
        "transaction_hash": deposit.transaction,
        "position": deposit.position,
        "account_id": deposit.account_id,
        "address": deposit.address,
        "payer": deposit.payer,
        "amount_atomic": deposit.amount_atomic,
        "block": deposit.block,
        "block_hash": deposit.block_hash,
        "state": deposit.state.value,
        "generation": deposit.generation,
        "taken_back": deposit.taken_back,
        "seen_at_ms": deposit.seen_at_ms,
        "credited_at_ms": deposit.credited_at_ms,
    }


def deposit_from(row: Row) -> Deposit:
    return Deposit(
        network=row["network"],
        genesis=row["genesis"],
        transaction=row["transaction_hash"],
        position=row["position"],
        account_id=row["account_id"],
        address=row["address"],
        payer=row["payer"],
        amount_atomic=row["amount_atomic"],
        block=row["block"],
        block_hash=row["block_hash"],
        state=State(row["state"]),
        generation=row["generation"],
        taken_back=row["taken_back"],
        seen_at_ms=row["seen_at_ms"],
        credited_at_ms=row["credited_at_ms"],
    )

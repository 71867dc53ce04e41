"""Accounts: who may spend, and how much."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from base.clock import Clock
from base.errors import InvalidRequest, NotFound
from base.ids import new_uuid
from settlement.ledger import ops
from settlement.ledger.ids import account_key
from settlement.ledger.tables import ACCOUNT
from storage.op import Op, Refused, Row, Rows, Store


@dataclass(frozen=True, slots=True)
class Account:
    """``kind`` is ``account``, ``wallet`` or ``batch``; what may be spent is ``available_nano_usd``."""

    id: str
    kind: str
    name: str
    email: str
    posted_nano_usd: int
    held_nano_usd: int
    created_at_ms: int

    @property
    def available_nano_usd(self) -> int:
        return self.posted_nano_usd - self.held_nano_usd


@dataclass(frozen=True, slots=True)
class Accounts:
    """The accounts of a store, as durably committed."""

    store: Store
    clock: Clock

    def draft(self, name: str, email: str = "") -> tuple[Account, Op]:
        """A new account and the operation that makes it, for commits that hold more."""
        account = Account(str(new_uuid()), "account", name, email, 0, 0, self.clock.now_ms())
        key = account_key(account.id)
        row = ops.account_row(account.id, account.kind, name, email, account.created_at_ms)

        def fold(rows: Rows) -> None:
            rows.put(key, row)

        return account, Op((), fold, fresh=(key,))

    async def create(self, name: str, email: str = "") -> Account:
        """Make an account without money."""
        account, op = self.draft(name, email)
        await self.store.commit(op)
        return account

    async def list(self) -> Sequence[Account]:
        """Every account, wallets too, oldest first."""
        query = select(ACCOUNT).order_by(ACCOUNT.c.created_at_ms, ACCOUNT.c.id)
        return [_account(row) for row in await self.store.read(query)]

    async def get(self, account_id: str) -> Account | None:
        rows = await self.store.read(select(ACCOUNT).where(ACCOUNT.c.id == account_id))
        return _account(rows[0]) if rows else None

    async def balance(self, account_id: str) -> int:
        """What the account may spend, in nano-USD; 0 when there is none."""
        account = await self.get(account_id)
        return account.available_nano_usd if account else 0

    async def credit(self, account_id: str, amount_nano_usd: int, source: str, external_id: str) -> bool:
        """Fund an account; False when this external id of the source was credited before.

        Raises NotFound without the account, InvalidRequest when the balance would pass 64 bits.
        """
        answer = await self.store.commit(
            ops.credit(account_id, amount_nano_usd, source, external_id, self.clock.now_ms())
        )
        if not isinstance(answer, Refused):
            return True
        if answer.code == "duplicate":
            return False
        if answer.code == "no_account":
            raise NotFound(f"There is no account {account_id}.", param="account")
        raise InvalidRequest("The balance would be larger than the books can hold.", param="amount")


def _account(row: Row) -> Account:
    return Account(
        row["id"],
        row["kind"],
        row["name"],
        row["email"],
        row["posted"],
        row["held"],
        row["created_at_ms"],
    )

"""The deposit address of each account, the same on every chain."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import select

from base.clock import Clock
from settlement.chain.hd import ExtendedKey
from settlement.deposits.tables import DEPOSIT_ADDRESS
from storage.op import Key, Op, Refused, Rows, Store

_LEVEL: Final = (1 << 31) - 1
_LATE_MS: Final = 60_000
"""A commit comes later than the time in its row, by less than this."""


@dataclass(slots=True)
class DepositAddresses:
    """An account's address is the child ``a/b`` of ``root``; both numbers come from the account's id
    alone, so that neither a lost database nor an old backup can give it to somebody else."""

    root: ExtendedKey
    store: Store
    clock: Clock
    _known: dict[str, str] = field(default_factory=dict)
    _since_ms: int = 0

    async def of(self, account_id: str) -> str:
        """The address, durable before anybody is told it: what is sent there is looked for."""
        key = Key("deposit_address", (self.root.name, account_id))
        found = await self.store.read(
            select(DEPOSIT_ADDRESS.c.address).where(
                DEPOSIT_ADDRESS.c.root == self.root.name, DEPOSIT_ADDRESS.c.account_id == account_id
            )
        )
        if found:
            return str(found[0]["address"])
        path = path_of(account_id)
        row = {
            "root": self.root.name,
            "account_id": account_id,
            "address": self.root.address(*path),
            "path": "/".join(map(str, path)),
            "created_at_ms": self.clock.now_ms(),
        }

        def fold(rows: Rows) -> Refused | None:
            if rows.get(key) is not None:
                return Refused("duplicate")
            rows.put(key, row)
            return None

        await self.store.commit(Op((key,), fold))
        address = str(row["address"])
        self._known[address] = account_id
        return address

    async def known(self) -> Mapping[str, str]:
        """Whose each address is, those of earlier roots too. All are read once, then the new ones: no
        address goes."""
        now_ms = self.clock.now_ms()
        query = select(DEPOSIT_ADDRESS.c.address, DEPOSIT_ADDRESS.c.account_id)
        new = query.where(DEPOSIT_ADDRESS.c.created_at_ms >= self._since_ms)
        self._known.update({row["address"]: row["account_id"] for row in await self.store.read(new)})
        self._since_ms = now_ms - _LATE_MS
        return self._known


def path_of(account_id: str) -> tuple[int, int]:
    """Two numbers of 31 bits, from the account's id alone."""
    digest = hashlib.sha256(f"batchin-deposit|{account_id}".encode()).digest()
    return int.from_bytes(digest[:4], "big") & _LEVEL, int.from_bytes(digest[4:8], "big") & _LEVEL

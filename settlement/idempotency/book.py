"""The keys that are taken: one book for paid calls, for what one commit makes, and for free requests."""

import hashlib
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select

from base.clock import Clock
from base.errors import BatchinError, Conflict, IdempotencyMismatch
from base.sealing import Sealed, Sealer
from settlement.idempotency import ops
from settlement.idempotency.tables import IDEMPOTENCY
from storage.op import Op, Refused, Store
from storage.tables import LEASE

_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class KeyBook:
    """A key is its account's own; what was answered under it is kept sealed for ``ttl_s``."""

    store: Store
    sealer: Sealer
    clock: Clock
    ttl_s: int

    async def take(self, use: ops.Use) -> ops.Ended | None:
        """Take a key for a run: None when it is taken now, what ended under it when it was before.

        Raises Conflict while the first request still runs, IdempotencyMismatch when the key was used for
        another one.
        """
        answer = await self._try(use, frozenset())
        if isinstance(answer, Refused) and answer.code == "running":
            lease = str(answer.detail["lease"])
            if not await self._lives(lease):
                answer = await self._try(use, frozenset({lease}))
        if isinstance(answer, Refused):
            raise refusal_of(answer)
        ended: ops.Ended | None = answer[0]
        return ended

    def free(self, use: ops.Use) -> None:
        """The run came to nothing: the key may be used again."""
        self.store.submit(ops.free(use))

    def once(self, account_id: str, key: str | None, told: str, made: str) -> tuple[Op, ...]:
        """What keeps ``made`` from being made again under a key, for the commit that makes it; nothing
        without a key. ``told`` is what it is made of. A refusal of that commit is for ``before``."""
        if key is None:
            return ()
        use = ops.Use(account_id, key_hash(key), fingerprint_of(told), made)
        now_ms = self.clock.now_ms()
        sealed = self.sealer.seal(made.encode())
        return (ops.once(use, sealed, self.store.lease, now_ms, now_ms + self.ttl_s * 1000),)

    def before(self, refused: Refused) -> str | None:
        """What was made under this key; None for a refusal that has nothing to do with it.

        Raises Conflict, IdempotencyMismatch, Unsealable.
        """
        if refused.code in ("mismatch", "running"):
            raise refusal_of(refused)
        if refused.code != "again":
            return None
        return self.sealer.open(Sealed(refused.detail["salt"], refused.detail["box"])).decode()

    async def sweep(self) -> int:
        """Delete the keys that have expired, a part at a time: how many there were."""
        now_ms = self.clock.now_ms()
        query = select(IDEMPOTENCY.c.account_id, IDEMPOTENCY.c.key).where(
            IDEMPOTENCY.c.expires_at_ms <= now_ms
        )
        rows = await self.store.read(query.limit(_AT_ONCE))
        if rows:
            gone = (ops.forget(row["account_id"], row["key"], now_ms) for row in rows)
            await self.store.commit(*gone)
        return len(rows)

    async def _try(self, use: ops.Use, dead: frozenset[str]) -> Any:
        now_ms = self.clock.now_ms()
        step = ops.take(use, self.store.lease, dead, now_ms, now_ms + self.ttl_s * 1000)
        ticket = self.store.submit(step)
        answer = await ticket.visible
        if not isinstance(answer, Refused) and answer[0] is not None:
            await ticket.durable  # so is what it saw: the answer and its record can be read
        return answer

    async def _lives(self, lease: str) -> bool:
        if lease == self.store.lease:
            return True
        return bool(await self.store.read(select(LEASE.c.id).where(LEASE.c.id == lease)))


def key_hash(key: str) -> str:
    """How a key is kept."""
    return hashlib.sha256(key.encode()).hexdigest()


def fingerprint_of(told: str) -> str:
    """What tells one request from another under the same key."""
    return hashlib.sha256(told.encode()).hexdigest()


def refusal_of(refused: Refused) -> BatchinError:
    """What the caller of a key is told that is taken (``mismatch``, ``running``)."""
    if refused.code == "mismatch":
        return IdempotencyMismatch(
            "This Idempotency-Key was used for another request.", param="Idempotency-Key"
        )
    return Conflict(
        "A request with this Idempotency-Key still runs.", param="Idempotency-Key", retry_after_s=1
    )

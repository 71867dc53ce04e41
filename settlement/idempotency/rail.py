"""A rail that answers a request sent again under its idempotency key with what it answered first."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from sqlalchemy import select

from base.clock import Clock
from base.errors import BatchinError, Conflict, IdempotencyMismatch, InternalError
from base.sealing import Sealer, Unsealable
from settlement.evidence.signed import Signed
from settlement.idempotency import ops
from settlement.idempotency.tables import IDEMPOTENCY
from settlement.rail import Grant, Order, Outcome, Rail, Replay, RunStatus, Settled, Terms, Upfront
from storage.op import Op, Refused, Store
from storage.tables import LEASE

_AT_ONCE: Final = 100


class Proofs(Protocol):
    """Evidence as it was stored: settlement.evidence.reader.EvidenceReader."""

    async def signed(self, any_id: str) -> Signed | None: ...

    async def receipt(self, any_id: str) -> Mapping[str, Any] | None: ...


@dataclass(frozen=True, slots=True)
class IdempotentRail:
    """A key is its account's own. What was answered is kept sealed for ``ttl_s``, in the commit of its
    charge; a call that fails, or a stream that is cut, frees its key."""

    rail: Rail
    store: Store
    proofs: Proofs
    sealer: Sealer
    clock: Clock
    ttl_s: int

    async def authorize(self, order: Order) -> Grant | Replay:
        """As the rail does, once a key. Raises Conflict while the first request still runs, and
        IdempotencyMismatch when the key was used for another request."""
        if order.idempotency_key is None or order.caller.account_id is None:
            return await self.rail.authorize(order)
        use = _use(order.caller.account_id, order.idempotency_key, order)
        ended = await self._take(use)
        if ended is not None:
            return await self._again(use, ended)
        try:
            answer = await self.rail.authorize(order)
        except BaseException:
            self.store.submit(ops.free(use))
            raise
        if isinstance(answer, Replay):
            self.store.submit(ops.free(use))
            return answer
        return IdempotentGrant(self, use, answer)

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

    async def _take(self, use: ops.Use) -> ops.Ended | None:
        answer = await self._try(use, frozenset())
        if isinstance(answer, Refused) and answer.code == "running":
            lease = str(answer.detail["lease"])
            if not await self._lives(lease):
                answer = await self._try(use, frozenset({lease}))
        if isinstance(answer, Refused):
            raise refusal_of(answer)
        ended: ops.Ended | None = answer[0]
        return ended

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

    async def _again(self, use: ops.Use, ended: ops.Ended) -> Replay:
        evidence = await self.proofs.signed(ended.run_id)
        receipt = await self.proofs.receipt(ended.run_id)
        if evidence is None or receipt is None:
            raise InternalError(f"The record of {ended.run_id} is missing.")
        try:
            result = self.sealer.open(ended.result)
        except Unsealable:
            raise IdempotencyMismatch(
                "What was answered under this Idempotency-Key can't be read any more.",
                param="Idempotency-Key",
            ) from None
        charged = int(evidence.wire["payload"]["charged_nano_usd"])
        return Replay(ended.run_id, result, Settled(charged, evidence.wire, receipt))


@dataclass(frozen=True, slots=True)
class IdempotentGrant:
    """A grant under a key."""

    rail: IdempotentRail
    use: ops.Use
    grant: Grant

    @property
    def terms(self) -> Terms:
        return self.grant.terms

    @property
    def upfront(self) -> Upfront | None:
        return self.grant.upfront

    async def capture(self, outcome: Outcome) -> Settled:
        try:
            return await self.grant.capture(replace(outcome, also=self._also(outcome)))
        except BaseException:
            self.rail.store.submit(ops.free(self.use))
            raise

    async def release(self) -> None:
        try:
            await self.grant.release()
        finally:
            self.rail.store.submit(ops.free(self.use))

    def _also(self, outcome: Outcome) -> "_Also":
        whole = outcome.status is RunStatus.COMPLETED
        sealed = self.rail.sealer.seal(outcome.result) if whole else None
        step = ops.free(self.use) if sealed is None else ops.end(self.use, sealed)
        return _Also(outcome, step)


@dataclass(frozen=True, slots=True)
class _Also:
    """What else becomes true with a charge, and what becomes of its key."""

    outcome: Outcome
    step: Op

    def __call__(self, account_id: str) -> tuple[Op, ...]:
        return (*self.outcome.also(account_id), self.step)


def key_hash(key: str) -> str:
    """How a key is kept."""
    return hashlib.sha256(key.encode()).hexdigest()


def refusal_of(refused: Refused) -> BatchinError:
    """What the caller of a key is told that is taken (``mismatch``, ``running``)."""
    if refused.code == "mismatch":
        return IdempotencyMismatch(
            "This Idempotency-Key was used for another request.", param="Idempotency-Key"
        )
    return Conflict(
        "A request with this Idempotency-Key still runs.", param="Idempotency-Key", retry_after_s=1
    )


def _use(account_id: str, key: str, order: Order) -> ops.Use:
    told = f"{order.tool}|{order.delivery.value}|{order.resource.url}|{order.request_hash}"
    fingerprint = hashlib.sha256(told.encode()).hexdigest()
    return ops.Use(account_id, key_hash(key), fingerprint, order.run_id)

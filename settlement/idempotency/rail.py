"""A rail that answers a request sent again under its idempotency key with what it answered first."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from base.errors import IdempotencyMismatch, InternalError
from base.sealing import Unsealable
from settlement.evidence.signed import Signed
from settlement.idempotency import ops
from settlement.idempotency.book import KeyBook, fingerprint_of, key_hash
from settlement.rail import Grant, Order, Outcome, Rail, Replay, RunStatus, Settled, Terms, Upfront
from storage.op import Op

_AT_ONCE: Final = 100


class Proofs(Protocol):
    """Evidence as it was stored: settlement.evidence.reader.EvidenceReader."""

    async def signed(self, any_id: str) -> Signed | None: ...

    async def receipt(self, any_id: str) -> Mapping[str, Any] | None: ...


@dataclass(frozen=True, slots=True)
class IdempotentRail:
    """What was answered is kept in the commit of its charge; a call that fails, or a stream that is cut,
    frees its key."""

    rail: Rail
    book: KeyBook
    proofs: Proofs

    async def authorize(self, order: Order) -> Grant | Replay:
        """As the rail does, once a key. Raises Conflict while the first request still runs, and
        IdempotencyMismatch when the key was used for another request."""
        if order.idempotency_key is None or order.caller.account_id is None:
            return await self.rail.authorize(order)
        use = _use(order.caller.account_id, order.idempotency_key, order)
        ended = await self.book.take(use)
        if ended is not None:
            return await self._again(use, ended)
        try:
            answer = await self.rail.authorize(order)
        except BaseException:
            self.book.free(use)
            raise
        if isinstance(answer, Replay):
            self.book.free(use)
            return answer
        return IdempotentGrant(self, use, answer)

    async def _again(self, use: ops.Use, ended: ops.Ended) -> Replay:
        evidence = await self.proofs.signed(ended.run_id)
        receipt = await self.proofs.receipt(ended.run_id)
        if evidence is None or receipt is None:
            raise InternalError(f"The record of {ended.run_id} is missing.")
        try:
            result = self.book.sealer.open(ended.result)
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
            self.rail.book.free(self.use)
            raise

    async def release(self) -> None:
        try:
            await self.grant.release()
        finally:
            self.rail.book.free(self.use)

    def _also(self, outcome: Outcome) -> "_Also":
        whole = outcome.status is RunStatus.COMPLETED
        sealed = self.rail.book.sealer.seal(outcome.result) if whole else None
        step = ops.free(self.use) if sealed is None else ops.end(self.use, sealed)
        return _Also(outcome, step)


@dataclass(frozen=True, slots=True)
class _Also:
    """What else becomes true with a charge, and what becomes of its key."""

    outcome: Outcome
    step: Op

    def __call__(self, account_id: str) -> tuple[Op, ...]:
        return (*self.outcome.also(account_id), self.step)


def _use(account_id: str, key: str, order: Order) -> ops.Use:
    told = f"{order.tool}|{order.delivery.value}|{order.resource.url}|{order.request_hash}"
    return ops.Use(account_id, key_hash(key), fingerprint_of(told), order.run_id)

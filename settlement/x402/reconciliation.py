"""Proves, again and again, that what was received is what was charged, and says where it is not."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Final

from sqlalchemy import select

from base.clock import Clock
from settlement.chain.transactions import TransactionManager
from settlement.deposits.proof import deposit_differences
from settlement.ledger.books import Audit, audit
from settlement.x402.arrivals import ARRIVED, Arrivals, arrivals
from settlement.x402.debts import debt_differences
from settlement.x402.facilitator import Facilitator, Settlement, SettlementState
from settlement.x402.losses import LOSABLE, Losses
from settlement.x402.payment import Payment
from settlement.x402.tables import PAYMENT
from settlement.x402.transitions import found_in
from storage.op import Store

_WATCH_MS: Final = 1_800_000  # longer than any chain that is served is reorganised
_SOONEST_MS: Final = 2_000
_LATE_MS: Final = 60_000
_AT_ONCE: Final = 64
_AGAIN_S: Final = 10.0
_SURE_MS: Final = 600_000  # what a reorganisation took, another one may bring back
_logger: Final = logging.getLogger("batchin.books")


@dataclass(frozen=True, slots=True)
class Proof:
    """One look at the books at ``at_ms``. ``differences`` holds a sentence for each thing that does not
    fit: none proves that received == charged + credit, for every network and asset."""

    at_ms: int
    audit: Audit
    arrivals: tuple[Arrivals, ...]
    differences: tuple[str, ...]


async def prove(store: Store, clock: Clock) -> Proof:
    """Compare accounts, holds, transfers, payments, deposits and usage. Raises StorageUnavailable."""
    books = await audit(store)
    found, differences = await arrivals(store)
    differences = (
        *differences,
        *await deposit_differences(store),
        *await debt_differences(store),
    )
    if books.total_nano_usd:
        total = f"all balances add up to {books.total_nano_usd} nano-USD and not to 0"
        differences = (total, *differences)
    return Proof(clock.now_ms(), books, found, (*books.faults, *differences))


@dataclass(slots=True)
class Reconciliation:
    """Looks at the books each ``books_s``, and at the chain for what settled lately: ever more seldom,
    each time that its age has doubled. Run ``forever()`` beside the rail. ``gas_wallets`` are those that
    this server settles with, by network."""

    store: Store
    facilitator: Facilitator
    clock: Clock
    losses: Losses
    books_s: float = 300.0
    _missing: dict[str, str] = field(default_factory=dict)
    _refused_ms: dict[str, int] = field(default_factory=dict)
    _settled_ms: dict[str, int] = field(default_factory=dict)
    _watched: list[tuple[int, int, str]] = field(default_factory=list)
    _since_ms: int = 0
    _differences: tuple[str, ...] = ()
    proof: Proof | None = None
    gas_wallets: Mapping[str, TransactionManager] = field(default_factory=dict)

    @property
    def differences(self) -> tuple[str, ...]:
        """What does not fit, by the last looks."""
        return (*self._differences, *self._missing.values())

    async def forever(self, pause_s: float = 2.0) -> None:
        """Until cancelled; trouble is logged and tried again."""
        books_at_s = 0.0
        while True:
            try:
                if self.clock.monotonic_s() >= books_at_s:
                    await self.prove()
                    books_at_s = self.clock.monotonic_s() + self.books_s
                await self.look()
            except Exception:
                _logger.exception("the books are not reconciled")
            await asyncio.sleep(pause_s)

    async def prove(self) -> Proof:
        """Look at the books now. What differs is logged once."""
        proof = self.proof = await prove(self.store, self.clock)
        for text in proof.differences:
            if text not in self._differences:
                _logger.error("the books differ: %s", text)
        self._differences = proof.differences
        return proof

    async def look(self) -> int:
        """Ask the chain for settled payments that are due for a look; how many were asked for."""
        now_ms = self.clock.now_ms()
        await self._watch_new(now_ms)
        looked = 0
        while self._watched and self._watched[0][0] <= now_ms and looked < _AT_ONCE:
            _, settled_ms, run_id = heappop(self._watched)
            await self._look(run_id)
            looked += 1
            next_ms = now_ms + max(_SOONEST_MS, now_ms - settled_ms)
            if run_id in self._missing:
                heappush(self._watched, (now_ms + _SOONEST_MS, settled_ms, run_id))
            elif next_ms <= settled_ms + _WATCH_MS:
                heappush(self._watched, (next_ms, settled_ms, run_id))
        return looked

    async def _watch_new(self, now_ms: int) -> None:
        """Watch what settled since the last look; commits of that moment may have come after it."""
        query = select(PAYMENT.c.run_id, PAYMENT.c.updated_at_ms).where(
            ARRIVED,
            PAYMENT.c.transaction_hash != "",
            PAYMENT.c.updated_at_ms >= max(self._since_ms, now_ms - _WATCH_MS),
        )
        for row in await self.store.read(query):
            run_id, settled_ms = row["run_id"], row["updated_at_ms"]
            if run_id not in self._settled_ms:
                self._settled_ms[run_id] = settled_ms
                heappush(self._watched, (settled_ms + _SOONEST_MS, settled_ms, run_id))
        self._since_ms = now_ms - _LATE_MS
        self._settled_ms = {
            run_id: at_ms for run_id, at_ms in self._settled_ms.items() if at_ms >= self._since_ms
        }

    async def _look(self, run_id: str) -> None:
        rows = await self.store.read(select(PAYMENT).where(PAYMENT.c.run_id == run_id, ARRIVED))
        for payment in map(Payment.from_row, rows):
            answer = await self.facilitator.outcome(run_id, payment.authorization)
            if answer.state is SettlementState.PENDING:
                answer = await self._again(payment, answer)
            await self._told(payment, answer)

    async def _again(self, payment: Payment, answer: Settlement) -> Settlement:
        """What left the chain and is still good is settled anew; repeating it is harmless."""
        try:
            async with asyncio.timeout(_AGAIN_S):
                answer = await self.facilitator.settle(payment.run_id, payment.authorization)
        except TimeoutError:
            return answer
        if answer.state is SettlementState.SETTLED:
            _logger.warning("the payment of %s left its chain, and is settled again", payment.run_id)
        return answer

    async def _told(self, payment: Payment, answer: Settlement) -> None:
        run_id = payment.run_id
        if answer.state is SettlementState.SETTLED:
            self._refused_ms.pop(run_id, None)
            if self._missing.pop(run_id, None) is not None:
                _logger.warning("the payment of %s is on its chain again", run_id)
            if answer.transaction and answer.transaction != payment.transaction:
                _logger.warning("the payment of %s moved to %s", run_id, answer.transaction)
                await self.store.commit(found_in(payment, answer.transaction))
            return
        text = f"{run_id}: its settlement {payment.transaction} is on {payment.network} no more"
        if answer.state is SettlementState.REFUSED:
            text += f", and will not come ({answer.reason})"
            if await self._lost(payment, answer.reason):
                return
        else:
            self._refused_ms.pop(run_id, None)
        if self._missing.get(run_id) != text:
            _logger.error("the books differ: %s", text)
        self._missing[run_id] = text

    async def _lost(self, payment: Payment, reason: str) -> bool:
        """Book what the chain has refused for ten minutes as lost; whether it is."""
        run_id, now_ms = payment.run_id, self.clock.now_ms()
        if now_ms - self._refused_ms.setdefault(run_id, now_ms) < _SURE_MS:
            return False
        if payment.state not in LOSABLE:
            return False
        await self.losses.book(payment, reason)
        del self._refused_ms[run_id]
        self._missing.pop(run_id, None)
        _logger.error(
            "the payment of %s is lost (%s): booked, and the wallet %s is served no more",
            run_id,
            reason,
            payment.payer,
        )
        return True

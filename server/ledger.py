"""The operations on the books as a whole: their proof, and where deposits lie."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field
from sqlalchemy import func, select

from base.clock import Clock, iso_utc
from server.operations import Arguments, NoArguments, Operation
from settlement.deposits.deposits import checksummed, to_sweep
from settlement.ledger.ids import JOBS, SYSTEM_ACCOUNTS
from settlement.ledger.tables import ACCOUNT, HOLD
from settlement.x402.arrivals import Arrivals
from settlement.x402.debts import Debt, Debts
from settlement.x402.eip712 import checksum_address
from settlement.x402.payment import State
from settlement.x402.reconciliation import Reconciliation, prove
from storage.op import Store


class EndDebt(Arguments):
    run_id: str = Field(description="Run, record or audit id of the payment.")
    note: str | None = Field(None, min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]*$")


@dataclass(frozen=True, slots=True)
class LedgerOffice:
    """``reconciliation`` is that of the running server, None without one or without x402."""

    store: Store
    clock: Clock
    reconciliation: Reconciliation | None = None

    def operations(self) -> Mapping[str, Operation]:
        return {
            "ledger.audit": Operation(NoArguments, self._audit),
            "ledger.deposits": Operation(NoArguments, self._deposits),
            "ledger.owed": Operation(NoArguments, self._owed),
            "ledger.repaid": Operation(EndDebt, self._repaid),
            "ledger.forgive": Operation(EndDebt, self._forgiven),
        }

    async def _owed(self, _: NoArguments) -> dict[str, Any]:
        owed = await Debts(self.store, self.clock).owed()
        return {
            "owed": [_debt(debt) for debt in owed],
            "owed_nano_usd": sum(debt.owed_nano_usd for debt in owed),
        }

    async def _repaid(self, asked: EndDebt) -> dict[str, Any]:
        return await self._ended(asked, State.REPAID)

    async def _forgiven(self, asked: EndDebt) -> dict[str, Any]:
        return await self._ended(asked, State.FORGIVEN)

    async def _ended(self, asked: EndDebt, end: State) -> dict[str, Any]:
        """End a debt, serve its wallet again unless it owes for another, and prove the books."""
        debts = Debts(self.store, self.clock)
        ended = await debts.end(asked.run_id, end, asked.note)
        if self.reconciliation:
            self.reconciliation.losses.forget()
        payer = ended.payment.payer
        still = [debt for debt in await debts.owed() if debt.payment.payer == payer]
        return {
            **_debt(ended),
            "status": end.value,
            "served_again": not still,
            "still_owed": [_debt(debt) for debt in still],
            "audit": await self._audit(NoArguments()),
        }

    async def _deposits(self, _: NoArguments) -> dict[str, Any]:
        rows = await to_sweep(self.store)
        return {"addresses": [{**row, "address": checksummed(row["address"])} for row in rows]}

    async def _audit(self, _: NoArguments) -> dict[str, Any]:
        running = self.reconciliation
        proof = await (running.prove() if running else prove(self.store, self.clock))
        differences = running.differences if running else proof.differences
        balances = proof.audit.balances
        return {
            "at": iso_utc(proof.at_ms),
            "balanced": not differences,
            "differences": list(differences),
            "system_accounts": {name: balances.get(name, 0) for name in sorted(SYSTEM_ACCOUNTS)},
            "accounts": await self._accounts(),
            "total_nano_usd": proof.audit.total_nano_usd,
            "holds": await self._holds(),
            "payments": [_shown(one) for one in proof.arrivals],
            "gas_wallets": await _gas(running) if running else [],
            "chain_asked": running is not None,
        }

    async def _accounts(self) -> list[dict[str, Any]]:
        """What customers have, by the kind of their accounts."""
        sums = (func.sum(ACCOUNT.c.posted), func.sum(ACCOUNT.c.held))
        query = select(ACCOUNT.c.kind, func.count().label("n"), sums[0].label("a"), sums[1].label("b"))
        rows = await self.store.read(query.group_by(ACCOUNT.c.kind).order_by(ACCOUNT.c.kind))
        return [
            {
                "kind": row["kind"],
                "accounts": int(row["n"]),
                "balance_nano_usd": int(row["a"]),
                "held_nano_usd": int(row["b"]),
            }
            for row in rows
        ]

    async def _holds(self) -> dict[str, int]:
        """Open holds: of calls that run, and of jobs."""
        left = func.coalesce(func.sum(HOLD.c.amount - HOLD.c.captured), 0)
        jobs = (HOLD.c.lease == JOBS).label("jobs")
        query = select(jobs, func.count().label("n"), left.label("a")).group_by(jobs)
        found = {bool(row["jobs"]): row for row in await self.store.read(query)}
        calls, batches = found.get(False), found.get(True)
        return {
            "calls": int(calls["n"]) if calls else 0,
            "calls_nano_usd": int(calls["a"]) if calls else 0,
            "jobs": int(batches["n"]) if batches else 0,
            "jobs_nano_usd": int(batches["a"]) if batches else 0,
        }


async def _gas(running: Reconciliation) -> list[dict[str, Any]]:
    return [
        {
            "network": network,
            "address": wallet.address,
            "float_wei": None if wallet.float_wei is None else str(wallet.float_wei),
            "spent_24h_gwei": await wallet.spent_gwei(),
        }
        for network, wallet in running.gas_wallets.items()
    ]


def _debt(debt: Debt) -> dict[str, Any]:
    payment = debt.payment
    return {
        "run_id": payment.run_id,
        "payer": checksum_address(payment.payer),
        "network": payment.network,
        "tool": payment.tool,
        "transaction": payment.transaction,
        "reason": payment.reason,
        "paid_nano_usd": payment.paid_nano_usd,
        "owed_nano_usd": debt.owed_nano_usd,
    }


def _shown(one: Arrivals) -> dict[str, Any]:
    return {
        "network": one.network,
        "asset": one.asset,
        "payments": one.payments,
        "open": one.open,
        "received_atomic": one.received_atomic,
        "booked_nano_usd": one.booked_nano_usd,
        "charged_nano_usd": one.charged_nano_usd,
        "credit_nano_usd": one.credit_nano_usd,
        "due_nano_usd": one.due_nano_usd,
        "owed_nano_usd": one.owed_nano_usd,
        "lost_nano_usd": one.lost_nano_usd,
    }

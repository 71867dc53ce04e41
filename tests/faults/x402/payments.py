"""Payments on a real chain by processes that are killed, for the test beside this file:
``-m tests.faults.x402.payments FOLDER RPC_URL GENESIS PAY_TO KILLS``.

Each process is a fork, so that it begins in a moment and dies alone: it ends what the one before it
left, proves the books and sends that one's payment again, then pays until it kills itself with SIGKILL.
"""

import asyncio
import json
import os
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import uvloop  # noqa: F401 - loaded before the forks
from sqlalchemy import select

from base.clock import SystemClock
from settlement.chain import devnet
from settlement.chain.funding import fund, usdc_balance
from settlement.chain.tables import TABLES as CHAIN_TABLES
from settlement.ledger.ids import CHAIN
from settlement.ledger.orphans import void_orphans
from settlement.rail import Delivery, Replay, Settled
from settlement.x402.errors import PaymentReused
from settlement.x402.facilitator import Authorization, Settlement
from settlement.x402.facilitators.dev import DevFacilitator
from settlement.x402.payment import Payment, State
from settlement.x402.rail import X402Rail
from settlement.x402.sale import Asset, Sale
from settlement.x402.tables import PAYMENT
from storage.op import Op, Store, Ticket
from tests.stores import fresh_store
from tests.unit.settlement.x402.house import ALL_TABLES, Payer, order, paid_order, rail_over, run

AFTER_RUN: Final = (
    "reserved", "verified", "running", "done", "settling", "journaled", "broadcast", "mined",
)  # fmt: skip
BEFORE_RUN: Final = (
    "reserved", "verified", "settling", "journaled", "broadcast", "mined", "paid", "running",
)  # fmt: skip
FLOWS: Final = {Delivery.WHOLE: AFTER_RUN, Delivery.STREAM: BEFORE_RUN}
_MONEY: Final = 1_000


@dataclass(frozen=True, slots=True)
class Chain:
    rpc_url: str
    genesis: str
    network: str = devnet.NETWORK
    usdc: str = devnet.USDC


@dataclass
class Death:
    """Kills this process when the payment is at ``point``."""

    point: str | None = None

    def at(self, point: str) -> None:
        if point == self.point:
            os.kill(os.getpid(), signal.SIGKILL)


@dataclass
class MortalStore:
    store: Store
    death: Death

    @property
    def lease(self) -> str:
        return self.store.lease

    def submit(self, *ops: Op) -> Ticket:
        return self.store.submit(*ops)

    async def commit(self, *ops: Op) -> Any:
        answer = await self.store.commit(*ops)
        table = ops[0].keys[0].table if ops and ops[0].keys else ""
        value = answer[0] if isinstance(answer, tuple) and answer else None
        if isinstance(value, Payment):
            self.death.at(value.state.value)
        elif value is None and table == "payment":
            self.death.at("reserved")
        elif value is None and table == "chain_tx":
            self.death.at("journaled")
        return answer

    async def read(self, statement: Any) -> Any:
        return await self.store.read(statement)


@dataclass
class MortalFacilitator:
    facilitator: DevFacilitator
    death: Death

    async def verify(self, authorization: Authorization) -> str | None:
        reason = await self.facilitator.verify(authorization)
        self.death.at("verified")
        return reason

    async def settle(self, run_id: str, authorization: Authorization) -> Settlement:
        settlement = await self.facilitator.settle(run_id, authorization)
        self.death.at("mined")
        return settlement

    async def outcome(self, run_id: str, authorization: Authorization) -> Settlement:
        return await self.facilitator.outcome(run_id, authorization)


@dataclass
class Shop:
    """One process."""

    rail: X402Rail
    store: Any
    chain: Chain
    pay_to: str

    async def heal(self) -> None:
        """What a server does at its start and beside its calls, until nothing is left to do."""
        await void_orphans(self.store)
        await self.rail.recovery.recover()
        async with asyncio.timeout(60):
            while await self.rail.recovery.reconcile():  # noqa: ASYNC110 - the chain alone tells
                await asyncio.sleep(0.02)

    async def prove(self) -> None:
        """Received == charged + credit, on the chain and in the books; nothing is left over."""
        proof = await self.rail.reconciliation.prove()
        received = await usdc_balance(self.chain.rpc_url, self.pay_to)
        booked = -proof.audit.balances.get(CHAIN, 0)
        assert proof.differences == (), proof.differences
        assert booked == received * 1000, (booked, received)
        assert proof.audit.held_nano_usd == 0

    async def states(self) -> list[str]:
        return [
            row["state"]
            for row in await self.store.read(select(PAYMENT).order_by(PAYMENT.c.created_at_ms))
        ]


async def _process(folder: Path, chain: Chain, pay_to: str, delivery: Delivery, point: str) -> None:
    """End and check what was left, then pay and die at the point; without one, live."""
    death = Death()
    sale = Sale(Asset(chain.network, chain.usdc, "USDC", "2"), pay_to, 1, run_s=60)
    async with AsyncExitStack() as stack:
        real = await stack.enter_async_context(fresh_store(folder, *ALL_TABLES, CHAIN_TABLES))
        store: Any = MortalStore(real, death)
        facilitator = await stack.enter_async_context(
            DevFacilitator(chain, store, SystemClock(), folder / "keys" / "gas.key")
        )
        die_when_sent(facilitator, death)
        mortal = MortalFacilitator(facilitator, death)
        rail, _ = await rail_over(folder, store, mortal, SystemClock(), sale)
        shop = Shop(rail, store, chain, pay_to)
        await shop.heal()
        await shop.prove()
        await _sent_again(shop, folder)
        await shop.prove()
        if not point:
            return
        payer = Payer()
        await fund(chain.rpc_url, payer.address, _MONEY)
        paid = await paid_order(shop, payer, delivery=delivery)
        left = {"payment": paid.payment, "delivery": delivery.value}
        (folder / "left.json").write_text(json.dumps(left))
        death.point = point
        await run(shop, paid)
    raise AssertionError(f"nobody died at {point}")


def die_when_sent(facilitator: DevFacilitator, death: Death) -> None:
    send = facilitator.client.send_raw

    async def send_raw(raw: bytes) -> str:
        sent = await send(raw)
        death.at("broadcast")
        return sent

    facilitator.client.send_raw = send_raw  # type: ignore[method-assign] # to die just after it


async def _sent_again(shop: Shop, folder: Path) -> None:
    """The client of the killed process tries again with the same payment: it pays at most once."""
    file = folder / "left.json"
    if not file.exists():
        return
    left = json.loads(file.read_text())
    before = await shop.states()
    try:
        answer = await run(shop, order(left["payment"], delivery=Delivery(left["delivery"])))
        assert isinstance(answer, Replay | Settled)
    except PaymentReused:  # its call came to nothing, and what it paid is credit
        assert before[-1] == State.CREDITED.value, before
    file.unlink()
    assert set(await shop.states()) <= {State.SETTLED.value, State.CREDITED.value}


def forked(process: Callable[[], Coroutine[Any, Any, None]]) -> int:
    """Run it in a process of its own: its exit status, negative for a signal."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            asyncio.run(process())
            status = 0
        except BaseException:  # noqa: BLE001 - the fork ends here whatever happened
            traceback.print_exc()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def main(arguments: Sequence[str]) -> int:
    folder, rpc_url, genesis, pay_to, kills = arguments
    chain, killed = Chain(rpc_url, genesis), Counter[str]()
    for delivery, points in FLOWS.items():
        for _ in range(int(kills)):
            for point in points:
                status = forked(partial(_process, Path(folder), chain, pay_to, delivery, point))
                if status != -signal.SIGKILL:
                    print(f"the process that should die at {point} ended with {status}", file=sys.stderr)
                    return 1
                killed[f"{delivery.value} {point}"] += 1
    if forked(partial(_process, Path(folder), chain, pay_to, Delivery.WHOLE, "")) != 0:
        return 1
    print(json.dumps(killed))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

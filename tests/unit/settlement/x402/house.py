"""The x402 rail over a real store, with a chain that the test scripts and a payer who really signs."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import orjson
from eth_account import Account
from sqlalchemy import func, select
from x402 import x402Client
from x402.mechanisms.evm.exact import ExactEvmScheme
from x402.schemas import PaymentRequired as X402PaymentRequired

from base.caller import ANONYMOUS, Caller
from base.ids import new_run_id
from base.pricing import PriceCard, Quote
from base.resource import Resource
from base.sealing import Sealer
from base.signers import OutsideKeys
from base.usage import Usage
from settlement.deposits.tables import TABLES as DEPOSIT_TABLES
from settlement.evidence.keyring import KeyRing
from settlement.evidence.reader import EvidenceReader
from settlement.evidence.recorder import Recorder
from settlement.evidence.tables import TABLES as EVIDENCE_TABLES
from settlement.ledger.books import Audit, audit
from settlement.ledger.ids import CHAIN, RECEIVABLE, REVENUE, wallet_account_id
from settlement.ledger.keys import Keys
from settlement.ledger.orphans import void_orphans
from settlement.ledger.tables import TABLES as LEDGER_TABLES
from settlement.ledger.tables import USAGE
from settlement.rail import Delivery, Grant, Order, Outcome, Replay, RunStatus, Served, Settled
from settlement.x402.collector import Collector
from settlement.x402.desk import Desk
from settlement.x402.errors import PaymentRequired
from settlement.x402.exposure import Exposure
from settlement.x402.facilitator import Authorization, Facilitator, Settlement, SettlementState
from settlement.x402.rail import X402Rail
from settlement.x402.sale import Asset, Sale
from settlement.x402.statements import Statements
from settlement.x402.tables import PAYMENT, TABLES
from storage.op import Op, Row, Store, Ticket
from tests.stores import fresh_store

NETWORK = "eip155:31337"
USDC = Asset(NETWORK, "0x036CbD53842c5426634e7929541eC2318f3dCF7e", "USDC", "2")
PAY_TO = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
SALE = Sale(USDC, PAY_TO, min_charge_atomic=1, run_s=60)
CARD = PriceCard("card-1", 20_000_000, 80_000_000)
QUOTE = Quote("tiny", CARD, Usage(1000, 100))  # at most 28,000 nano-USD: 28 atomic
USED = Usage(11, 13)  # 1,260 nano-USD
SERVED = Served("tiny", "r1", "scripted", "1")
HTTP = Resource("http://127.0.0.1:8402/v1/chat/completions", "Chat — with a model")
MCP = Resource("mcp://tool/chat", "Chat")
RESULT = b'{"said":"hello"}'
Policy = Callable[[int, list[Any]], list[Any]]
ALL_TABLES = (LEDGER_TABLES, EVIDENCE_TABLES, TABLES, DEPOSIT_TABLES)


@dataclass
class Clock:
    """The real time, moved by the test."""

    ahead_ms: int = 0

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000 + self.ahead_ms

    def monotonic_s(self) -> float:
        return time.monotonic() + self.ahead_ms / 1000

    def advance_s(self, seconds: float) -> None:
        self.ahead_ms += int(seconds * 1000)


class Killed(BaseException):
    """The process is gone: nothing of it runs any more, no handler either."""


@dataclass
class Fuse:
    """Kills the process at the n-th moment; each commit and each settlement has two, before and after.
    With an ``error``, moments fail instead and the process lives on: that one, or (``lasting``) all from
    then on."""

    left: int | None = None
    dead: bool = False
    error: Exception | None = None
    lasting: bool = False

    def moment(self) -> None:
        if self.dead:
            raise Killed
        if self.left is None:
            return
        self.left -= 1
        if self.left < 0:
            self.left = 0 if self.lasting else None
            self.dead = self.error is None
            raise self.error or Killed


class FusedStore:
    """A store whose process may die before or after any commit."""

    def __init__(self, store: Store, fuse: Fuse) -> None:
        self._store = store
        self._fuse = fuse
        self.lease = store.lease

    def submit(self, *ops: Op) -> Ticket:
        return self._store.submit(*ops)

    async def commit(self, *ops: Op) -> Any:
        self._fuse.moment()
        answer = await self._store.commit(*ops)
        self._fuse.moment()
        return answer

    async def read(self, statement: Any) -> Any:
        if self._fuse.dead:
            raise Killed
        return await self._store.read(statement)


@dataclass
class Chain:
    """A token contract and a facilitator in one: a nonce moves money once, a run has one transaction.

    It outlives the servers. ``verdict`` is what verify says; ``mood`` how settling goes: ``mine`` at
    once, ``refuse`` (the transaction reverts), ``lose`` (sent, not seen yet), ``drop`` (never sent).
    """

    clock: Clock
    fuse: Fuse = field(default_factory=Fuse)
    verdict: str | Exception | None = None
    mood: str = "mine"
    moved: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)
    reverted: dict[str, Settlement] = field(default_factory=dict)
    verified: int = 0
    asked: int = 0
    looks: int = 0

    @property
    def received(self) -> int:
        return sum(value for _, value in self.moved.values())

    def mine(self, authorization: Authorization) -> str:
        """Carry a transfer out, whoever sends it."""
        key = (authorization.payer, authorization.nonce)
        if key not in self.moved:
            self.moved[key] = (authorization.nonce, authorization.moves_atomic)
        return self.moved[key][0]

    async def until_moved(self) -> None:
        async with asyncio.timeout(60):
            while not self.moved:  # noqa: ASYNC110 - the server moves it whenever it likes
                await asyncio.sleep(0.001)

    async def until_looked(self) -> None:
        """Somebody waits for what became of a settlement."""
        async with asyncio.timeout(60):
            while not self.looks:  # noqa: ASYNC110 - the server looks whenever it likes
                await asyncio.sleep(0.001)

    async def verify(self, authorization: Authorization) -> str | None:
        self.fuse.moment()
        self.verified += 1
        await asyncio.sleep(0)
        if isinstance(self.verdict, Exception):
            raise self.verdict
        return self.verdict

    async def settle(self, run_id: str, authorization: Authorization) -> Settlement:
        self.fuse.moment()
        self.asked += 1
        await asyncio.sleep(0)
        if run_id in self.reverted:
            return self.reverted[run_id]
        if self.mood == "refuse":
            self.reverted[run_id] = Settlement(
                SettlementState.REFUSED, "", "invalid_exact_evm_insufficient_balance"
            )
        elif self.mood != "drop":
            self.mine(authorization)
        self.fuse.moment()
        if self.mood in ("lose", "drop"):
            return Settlement(SettlementState.PENDING, "", "settlement_pending")
        return await self.outcome(run_id, authorization)

    async def outcome(self, run_id: str, authorization: Authorization) -> Settlement:
        if self.fuse.dead:
            raise Killed
        self.looks += 1
        moved = self.moved.get((authorization.payer, authorization.nonce))
        if moved is not None:
            return Settlement(SettlementState.SETTLED, moved[0])
        if run_id in self.reverted:
            return self.reverted[run_id]
        if self.clock.now_ms() / 1000 >= authorization.valid_before:
            return Settlement(SettlementState.REFUSED, "", "invalid_exact_evm_payload_valid_before")
        return Settlement(SettlementState.PENDING, "", "settlement_pending")


class HasRail(Protocol):
    @property
    def rail(self) -> X402Rail: ...


@dataclass
class House:
    """One process with its rail."""

    rail: X402Rail
    store: Store
    keys: Keys
    chain: Chain
    clock: Clock

    async def audit(self) -> Audit:
        """The books, which must be without fault and sum to zero."""
        books = await audit(self.store)
        assert books.faults == ()
        assert books.total_nano_usd == 0
        return books

    async def payments(self) -> list[Row]:
        return list(await self.store.read(select(PAYMENT)))

    async def state(self) -> str:
        """The state of the only payment, ``none`` when there is none."""
        rows = await self.payments()
        return rows[0]["state"] if rows else "none"

    async def until(self, state: str) -> None:
        """Wait for the only payment to stand there."""
        async with asyncio.timeout(60):
            while await self.state() != state:  # noqa: ASYNC110 - only the store tells
                await asyncio.sleep(0.002)

    async def charged(self) -> int:
        rows = await self.store.read(select(func.sum(USAGE.c.charged_nano_usd).label("sum")))
        return int(rows[0]["sum"] or 0)

    async def balanced(self) -> None:
        """What arrived on the chain is what the books say: the charge, and the wallets' credit."""
        books = await self.audit()
        assert -books.balances.get(CHAIN, 0) == self.chain.received * 1000
        assert books.balances.get(REVENUE, 0) == await self.charged()
        assert books.balances.get(RECEIVABLE, 0) == 0
        assert books.held_nano_usd == 0


@asynccontextmanager
async def opened(
    folder: Path,
    chain: Chain,
    sale: Sale = SALE,
    exposure: Exposure | None = None,
    outside: OutsideKeys | None = None,
) -> AsyncIterator[House]:
    """Start a process over the folder: load its keys and end what an earlier one left."""
    async with fresh_store(folder, *ALL_TABLES) as real:
        store: Any = FusedStore(real, chain.fuse)
        rail, keys = await rail_over(folder, store, chain, chain.clock, sale, exposure, outside)
        yield House(rail, store, keys, chain, chain.clock)


async def rail_over(
    folder: Path,
    store: Any,
    facilitator: Facilitator,
    clock: Any,
    sale: Sale,
    exposure: Exposure | None = None,
    outside: OutsideKeys | None = None,
) -> tuple[X402Rail, Keys]:
    """The rail of a new process, and the wallets' tokens."""
    ring = KeyRing.open(folder / "keys", clock, outside)
    keys = Keys(store, clock, b"p" * 32)
    await keys.load()
    no_log: Any = None
    desk = Desk(
        store=store,
        recorder=Recorder(ring, "development"),
        proofs=EvidenceReader(store, ring, no_log),
        tokens=keys,
        sealer=Sealer(b"s" * 32),
        clock=clock,
        lease=store.lease,
        result_ttl_s=600,
        token_ttl_s=3600,
        statements=Statements(ring, "https://api.example:8443", clock),
    )
    collector = Collector(store, facilitator, clock, longest_s=3600, poll_s=0.01)
    rail = X402Rail(sale, desk, collector, exposure=exposure)
    await void_orphans(store)
    await rail.recovery.recover()
    return rail, keys


def order(
    payment: Mapping[str, Any] | None = None,
    *,
    run_id: str | None = None,
    resource: Resource = HTTP,
    delivery: Delivery = Delivery.WHOLE,
    body: str = "sha256:" + "1" * 64,
    caller: Caller = ANONYMOUS,
    quote: Quote = QUOTE,
) -> Order:
    return Order(
        run_id=run_id or new_run_id(),
        tool="chat",
        caller=caller,
        payment=payment,
        resource=resource,
        request_hash=body,
        quote=quote,
        delivery=delivery,
    )


def outcome_of(order: Order, usage: Usage = USED, status: RunStatus = RunStatus.COMPLETED) -> Outcome:
    now_ms = time.time_ns() // 1_000_000
    return Outcome(
        run_id=order.run_id,
        tool=order.tool,
        model="tiny",
        served=SERVED,
        usage=usage,
        quote=order.quote,
        status=status,
        request_hash=order.request_hash,
        response_hash="sha256:" + "2" * 64,
        trace_id="a" * 32,
        prompt_version="default",
        started_at_ms=now_ms,
        ended_at_ms=now_ms,
        result=RESULT,
    )


@dataclass
class Payer:
    """A wallet that pays with the official client."""

    account: Any = field(default_factory=Account.create)
    networks: str = NETWORK

    @property
    def address(self) -> str:
        return str(self.account.address)

    @property
    def credit_account(self) -> str:
        return wallet_account_id(NETWORK, self.address)

    async def sign(self, challenge: Mapping[str, Any], policy: Policy = lambda _, asked: asked) -> Any:
        """The payload for a challenge, as it travels."""
        client = x402Client().register_policy(policy)
        client.register(self.networks, ExactEvmScheme(self.account))
        client.set_spend_controls(False)
        required = X402PaymentRequired.model_validate(challenge)
        payload = await client.create_payment_payload(required)
        return orjson.loads(payload.model_dump_json(by_alias=True, exclude_none=True))


async def challenged(house: HasRail, asked: Order) -> Mapping[str, Any]:
    """The challenge that an order without payment is shown."""
    try:
        await house.rail.authorize(asked)
    except PaymentRequired as error:
        return error.challenge
    raise AssertionError("an unpaid call was let through")


async def paid_order(house: HasRail, payer: Payer, **terms: Any) -> Order:
    """An order with a payment that was signed for it."""
    payment = await payer.sign(await challenged(house, order(**terms)))
    return order(payment, **terms)


async def run(house: HasRail, paid: Order) -> Settled | Replay:
    """Authorize, run and capture."""
    answer = await house.rail.authorize(paid)
    if isinstance(answer, Replay):
        return answer
    return await answer.capture(outcome_of(paid))


def granted(answer: Grant | Replay) -> Grant:
    assert not isinstance(answer, Replay)
    return answer

"""The prepaid rail, on a real store with real records: held before, charged once, given back."""

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy import select

from base.caller import ANONYMOUS, Caller, CallerKind
from base.errors import BatchinError, InsufficientFunds, Unauthorized
from base.pricing import PriceCard, Quote
from base.resource import Resource
from base.signing import SeedSigner
from base.usage import Usage
from settlement.balance import BalanceRail
from settlement.evidence.keyring import KeyRing
from settlement.evidence.recorder import Recorder
from settlement.evidence.tables import EVIDENCE
from settlement.evidence.tables import TABLES as EVIDENCE_TABLES
from settlement.ledger import ops
from settlement.ledger.accounts import Accounts
from settlement.ledger.books import audit
from settlement.ledger.credentials import KeyLimits
from settlement.ledger.ids import payer_of, wallet_account_id
from settlement.ledger.keys import Keys
from settlement.ledger.tables import TABLES, USAGE
from settlement.rail import Delivery, Order, Outcome, RunStatus, Served
from storage.errors import StorageUnavailable
from storage.op import Op, Refused
from storage.sqlite import SqliteStore
from tests.clocks import HandClock
from tests.stores import fresh_store

WALLET = wallet_account_id("eip155:31337", "0xAbCd000000000000000000000000000000000001")
CARD = PriceCard("card-1", input_nano_per_mtok=2_000_000, output_nano_per_mtok=8_000_000)
# 10 input and 20 output tokens at most: 20 + 160 = 180 nano-USD.
QUOTE = Quote("smollm2", CARD, Usage(10, 20))
MOST = 180


@dataclass(frozen=True, slots=True)
class Shop:
    store: SqliteStore
    clock: HandClock
    accounts: Accounts
    keys: Keys
    rail: BalanceRail

    async def caller(self, nano_usd: int, budget_nano_usd: int | None = None) -> Caller:
        """Someone with a key and a balance."""
        account = await self.accounts.create("someone")
        await self.accounts.credit(account.id, nano_usd, "test", account.id)
        limits = KeyLimits(monthly_budget_nano_usd=budget_nano_usd)
        new = await self.keys.create(account.id, "key", limits)
        return self.keys.authenticate(new.key)

    async def wallet(self, nano_usd: int) -> Caller:
        """A wallet with credit, by its token."""
        paid = ops.post("x402:1", "receivable", WALLET, nano_usd, "payment", "run_0", 1)
        values = await self.store.commit(paid, self.keys.wallet_token_op(WALLET, 60))
        self.keys.remember(values[-1])
        return self.keys.authenticate(self.keys.wallet_token(WALLET))

    async def figures(self, caller: Caller) -> tuple[int, int]:
        account = await self.accounts.get(caller.account_id or "")
        assert account is not None
        return account.posted_nano_usd, account.held_nano_usd

    async def settle_down(self) -> None:
        """Until all that was submitted is on the disk."""
        await self.store.commit()
        result = await audit(self.store)
        assert result.faults == ()


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    clock = HandClock()
    async with fresh_store(tmp_path, TABLES, EVIDENCE_TABLES) as store:
        recorder = Recorder(KeyRing.open(tmp_path / "keys", clock), "development")
        keys = Keys(store, clock, b"p" * 32)
        yield Shop(store, clock, Accounts(store, clock), keys, BalanceRail(store, recorder, clock))


def order(caller: Caller, run_id: str = "run_" + "1" * 32) -> Order:
    resource = Resource("https://api.example/v1/chat/completions", "Chat")
    return Order(run_id, "chat", caller, None, resource, "sha256:" + "a" * 64, QUOTE, Delivery.WHOLE)


def outcome(usage: Usage, run_id: str = "run_" + "1" * 32) -> Outcome:
    return Outcome(
        run_id=run_id,
        tool="chat",
        model="qwen3-32b",
        served=Served("smollm2", "r1", "local", "1.0"),
        usage=usage,
        quote=QUOTE,
        status=RunStatus.COMPLETED,
        request_hash="sha256:" + "a" * 64,
        response_hash="sha256:" + "b" * 64,
        trace_id="c" * 32,
        prompt_version="default",
        started_at_ms=1_769_900_400_000,
        ended_at_ms=1_769_900_401_000,
    )


async def test_a_call_is_held_then_charged_counted_and_recorded(shop: Shop) -> None:
    caller = await shop.caller(1000)
    grant = await shop.rail.authorize(order(caller))
    assert grant.terms.rail == "balance"
    assert grant.terms.payer == payer_of(caller.account_id or "")
    assert (caller.account_id or "") not in grant.terms.payer
    assert grant.terms.max_amount == str(MOST)
    assert grant.upfront is None
    await shop.settle_down()
    assert await shop.figures(caller) == (1000, MOST)

    settled = await grant.capture(outcome(Usage(10, 5)))

    assert settled.charged_nano_usd == 60
    assert (settled.credit_nano_usd, settled.access_token, settled.settlement) == (0, None, None)
    assert await shop.figures(caller) == (940, 0)
    (usage,) = await shop.store.read(select(USAGE))
    assert usage == {
        "run_id": "run_" + "1" * 32,
        "account_id": caller.account_id,
        "key_id": caller.key_id,
        "tool": "chat",
        "model": "qwen3-32b",
        "served_model": "smollm2",
        "input_tokens": 10,
        "output_tokens": 5,
        "cached_tokens": 0,
        "images": 0,
        "audio_ms": 0,
        "video_ms": 0,
        "characters": 0,
        "charged_nano_usd": 60,
        "rail": "balance",
        "status": "completed",
        "price_version": "card-1",
        "trace_id": "c" * 32,
        "prompt_version": "default",
        "started_at_ms": 1_769_900_400_000,
        "ended_at_ms": 1_769_900_401_000,
    }
    (record,) = await shop.store.read(select(EVIDENCE))
    assert record["run_id"] == "run_" + "1" * 32
    assert record["receipt_payload"] is not None
    assert settled.receipt["record_signature"] == settled.evidence["signature"]
    assert (caller.account_id or "").encode() not in record["payload"] + record["receipt_payload"]
    await shop.settle_down()


async def test_records_are_signed_before_they_go_to_the_writer(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the writer's thread signatures would hold up every other commit."""
    signed_in: list[int] = []
    sign = SeedSigner.sign

    def watched(signer: SeedSigner, message: bytes) -> bytes:
        signed_in.append(threading.get_ident())
        return sign(signer, message)

    monkeypatch.setattr(SeedSigner, "sign", watched)
    grant = await shop.rail.authorize(order(await shop.caller(1000)))
    await grant.capture(outcome(Usage(10, 5)))
    await shop.settle_down()
    assert signed_in == [threading.get_ident()] * 2


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("no_hold", StorageUnavailable),
        ("no_key", Unauthorized),  # revoked while the call ran
        ("over_budget", InsufficientFunds),
    ],
)
async def test_a_charge_that_is_refused_gives_its_hold_back(
    shop: Shop, code: str, error: type[BatchinError]
) -> None:
    caller = await shop.caller(1000)
    grant = await shop.rail.authorize(order(caller))
    refusing = Op((), lambda _: Refused(code))
    with pytest.raises(error):
        await grant.capture(replace(outcome(Usage(10, 5)), also=lambda _: (refusing,)))
    await shop.settle_down()
    assert await shop.figures(caller) == (1000, 0)


async def test_a_call_is_never_charged_more_than_it_was_quoted(shop: Shop) -> None:
    caller = await shop.caller(MOST)
    grant = await shop.rail.authorize(order(caller))
    settled = await grant.capture(outcome(Usage(10, 2000)))
    assert settled.charged_nano_usd == MOST
    assert await shop.figures(caller) == (0, 0)


@pytest.mark.parametrize(("balance", "budget"), [(MOST - 1, None), (10_000, MOST - 1)])
async def test_a_short_balance_or_budget_is_refused(
    shop: Shop, balance: int, budget: int | None
) -> None:
    caller = await shop.caller(balance, budget)
    with pytest.raises(InsufficientFunds) as caught:
        await shop.rail.authorize(order(caller))
    assert caught.value.status == 402
    assert caught.value.message == "Insufficient balance or budget exceeded"
    await shop.settle_down()
    assert await shop.figures(caller) == (balance, 0)


async def test_a_key_that_was_revoked_meanwhile_pays_nothing(shop: Shop) -> None:
    caller = await shop.caller(1000)
    await shop.keys.revoke(caller.key_id or "")
    with pytest.raises(Unauthorized):
        await shop.rail.authorize(order(caller))
    with pytest.raises(Unauthorized):
        await shop.rail.authorize(order(ANONYMOUS))


async def test_a_wallet_pays_with_its_credit_and_sees_what_is_left(shop: Shop) -> None:
    caller = await shop.wallet(500)
    assert caller.kind is CallerKind.WALLET
    grant = await shop.rail.authorize(order(caller))
    assert grant.terms.rail == "credit"
    assert grant.terms.payer == "0xabcd000000000000000000000000000000000001"
    settled = await grant.capture(outcome(Usage(10, 5)))
    assert (settled.charged_nano_usd, settled.credit_nano_usd) == (60, 440)
    assert settled.access_token is None
    await shop.settle_down()


async def test_a_wallet_without_credit_has_to_pay(shop: Shop) -> None:
    stranger = Caller(CallerKind.WALLET, "wallet:eip155:31337:0x2")
    with pytest.raises(InsufficientFunds):
        await shop.rail.authorize(order(stranger))


async def test_a_released_call_costs_nothing_and_cannot_be_charged(shop: Shop) -> None:
    caller = await shop.caller(1000)
    grant = await shop.rail.authorize(order(caller))
    await grant.release()
    await grant.release()
    with pytest.raises(StorageUnavailable):
        await grant.capture(outcome(Usage(10, 5)))
    await shop.settle_down()
    assert await shop.figures(caller) == (1000, 0)
    assert await shop.store.read(select(USAGE)) == []
    assert await shop.store.read(select(EVIDENCE)) == []


async def test_a_release_after_the_capture_gives_nothing_back(shop: Shop) -> None:
    caller = await shop.caller(1000)
    grant = await shop.rail.authorize(order(caller))
    ends = await asyncio.gather(
        grant.capture(outcome(Usage(10, 5))),
        grant.release(),
        grant.capture(outcome(Usage(10, 5))),
        return_exceptions=True,
    )
    assert isinstance(ends[2], StorageUnavailable)
    await shop.settle_down()
    assert await shop.figures(caller) == (940, 0)
    assert len(await shop.store.read(select(USAGE))) == 1


async def test_calls_at_once_are_each_charged_once(shop: Shop) -> None:
    caller = await shop.caller(50 * MOST)

    async def call(number: int) -> bool:
        run_id = f"run_{number:032x}"
        try:
            grant = await shop.rail.authorize(order(caller, run_id))
        except InsufficientFunds:
            return False
        if number % 5 == 0:
            await grant.release()
        else:
            await grant.capture(outcome(Usage(10, 20), run_id))
        return True

    served = await asyncio.gather(*(call(number) for number in range(200)))
    await shop.settle_down()
    runs = await shop.store.read(select(USAGE))
    assert await shop.figures(caller) == (50 * MOST - len(runs) * MOST, 0)
    assert 40 <= len(runs) <= 50
    assert 50 <= sum(served) < 200
    assert len(await shop.store.read(select(EVIDENCE))) == len(runs)


async def test_a_hold_of_a_caller_who_left_is_given_back(shop: Shop) -> None:
    caller = await shop.caller(1000)
    shop.store.submit(ops.void("run_unknown", "nobody", None))  # its rows have to be looked for
    held = asyncio.create_task(shop.rail.authorize(order(caller)))
    await asyncio.sleep(0)  # it waits behind them
    assert held.cancel()
    with pytest.raises(asyncio.CancelledError):
        await held
    await shop.settle_down()
    assert await shop.figures(caller) == (1000, 0)

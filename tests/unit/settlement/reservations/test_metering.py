"""Reserved lanes: time counts while cards stand ready, each hour is held ahead and charged once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from base.errors import InsufficientFunds, InternalError, InvalidRequest, NotFound
from base.money import NANO_PER_USD
from settlement.ledger.accounts import Account, Accounts
from settlement.ledger.books import audit
from settlement.ledger.ops import void
from settlement.ledger.orphans import void_orphans
from settlement.ledger.tables import TABLES as LEDGER
from settlement.reservations.book import Reservations
from settlement.reservations.meter import Meter
from settlement.reservations.reservation import Reservation, State
from settlement.reservations.tables import TABLES
from storage.sqlite import SqliteStore
from tests.clocks import HandClock
from tests.stores import fresh_store

LANE, HOUR_S = "private:acme", 3600
RATE = 2 * NANO_PER_USD


@dataclass
class Desk:
    """A book with a meter that is told how many cards are up."""

    store: SqliteStore
    clock: HandClock
    up: int | None = 8
    book: Reservations = field(init=False)
    accounts: Accounts = field(init=False)
    meter: Meter = field(init=False)

    def __post_init__(self) -> None:
        self.book = Reservations(self.store, self.clock)
        self.accounts = Accounts(self.store, self.clock)
        self.restart()

    def restart(self) -> None:
        self.meter = Meter(self.book, self.clock, lambda _: self.up)

    async def customer(self, dollars: int) -> str:
        account = await self.accounts.create("acme")
        await self.accounts.credit(account.id, dollars * NANO_PER_USD, "demo", account.id)
        return account.id

    async def pass_s(self, seconds: int) -> None:
        """Look, let time pass, look again."""
        await self.meter.look()
        self.clock.advance_s(seconds)
        await self.meter.look()

    async def now(self, account_id: str) -> tuple[Reservation, Account]:
        [reservation] = await self.book.of_account(account_id)
        account = await self.accounts.get(account_id)
        assert account is not None
        found = await audit(self.store)
        assert (found.faults, found.total_nano_usd) == ((), 0)
        return reservation, account


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@asynccontextmanager
async def opened(folder: Path, clock: HandClock) -> AsyncIterator[Desk]:
    async with fresh_store(folder, LEDGER, TABLES) as store:
        yield Desk(store, clock)


async def test_an_hour_is_held_ahead_and_charged_for_the_time_that_was_ready(
    tmp_path: Path, clock: HandClock
) -> None:
    async with opened(tmp_path, clock) as desk:
        account_id = await desk.customer(100)
        await desk.book.open(account_id, LANE, 8, RATE, None)
        reservation, account = await desk.now(account_id)
        assert (reservation.state, account.held_nano_usd) == (State.ACTIVE, 8 * RATE)
        await desk.pass_s(900)
        reservation, account = await desk.now(account_id)
        assert reservation.card_ms == 8 * 900_000
        assert account.posted_nano_usd == 100 * NANO_PER_USD  # the hour is not over
        await desk.pass_s(2700)
        reservation, account = await desk.now(account_id)
        assert (reservation.period, reservation.charged_nano_usd) == (2, 8 * RATE)
        assert account.posted_nano_usd == 84 * NANO_PER_USD
        assert account.held_nano_usd == 8 * RATE
        await desk.pass_s(450)
        ended = await desk.book.release(LANE)
        reservation, account = await desk.now(account_id)
        assert ended == reservation
        assert (reservation.state, reservation.charged_nano_usd) == (State.ENDED, 9 * RATE)
        assert (account.posted_nano_usd, account.held_nano_usd) == (82 * NANO_PER_USD, 0)
        await desk.pass_s(HOUR_S)
        assert (await desk.now(account_id))[0] == reservation


async def test_cards_that_are_not_up_cost_nothing(tmp_path: Path, clock: HandClock) -> None:
    async with opened(tmp_path, clock) as desk:
        account_id = await desk.customer(100)
        await desk.book.open(account_id, LANE, 8, RATE, None)
        desk.up = 3
        await desk.pass_s(100)
        assert (await desk.now(account_id))[0].card_ms == 3 * 100_000
        desk.up = 0
        await desk.pass_s(100)
        desk.up = 8
        await desk.meter.look()  # what came back counts from now on
        assert (await desk.now(account_id))[0].card_ms == 3 * 100_000
        desk.up = 99  # no more than are reserved
        await desk.pass_s(100)
        assert (await desk.now(account_id))[0].card_ms == 11 * 100_000
        desk.up = None  # an engine that does not tell has all that are reserved
        await desk.pass_s(100)
        assert (await desk.now(account_id))[0].card_ms == 19 * 100_000


async def test_what_passes_while_the_server_is_down_costs_nothing(
    tmp_path: Path, clock: HandClock
) -> None:
    async with opened(tmp_path, clock) as desk:
        account_id = await desk.customer(100)
        await desk.book.open(account_id, LANE, 8, RATE, None)
        await desk.pass_s(900)
    clock.advance_s(5 * HOUR_S)
    async with opened(tmp_path, clock) as desk:
        assert await void_orphans(desk.store) == 0  # the hold outlives its process
        await desk.pass_s(900)
        reservation, account = await desk.now(account_id)
        assert reservation.card_ms == 2 * 8 * 900_000
        assert reservation.charged_nano_usd == 8 * RATE // 4
        assert account.held_nano_usd == 8 * RATE


async def test_without_money_for_the_next_hour_it_ends(tmp_path: Path, clock: HandClock) -> None:
    async with opened(tmp_path, clock) as desk:
        account_id = await desk.customer(20)
        await desk.book.open(account_id, LANE, 8, RATE, None)
        await desk.pass_s(HOUR_S)
        reservation, account = await desk.now(account_id)
        assert (reservation.state, reservation.charged_nano_usd) == (State.UNPAID, 8 * RATE)
        assert (account.posted_nano_usd, account.held_nano_usd) == (4 * NANO_PER_USD, 0)
        again = await desk.book.open(account_id, LANE, 1, RATE, None)  # the lane is free
        assert again.state is State.ACTIVE


async def test_it_ends_when_it_was_to_end_and_charges_no_second_more(
    tmp_path: Path, clock: HandClock
) -> None:
    async with opened(tmp_path, clock) as desk:
        account_id = await desk.customer(100)
        await desk.book.open(account_id, LANE, 8, RATE, 1)
        await desk.pass_s(HOUR_S + 30)
        reservation, account = await desk.now(account_id)
        assert (reservation.state, reservation.card_ms) == (State.ENDED, 8 * HOUR_S * 1000)
        assert account.posted_nano_usd == 84 * NANO_PER_USD


async def test_a_part_of_a_cent_is_rounded_up_once(tmp_path: Path, clock: HandClock) -> None:
    async with opened(tmp_path, clock) as desk:
        account_id = await desk.customer(2)
        await desk.book.open(account_id, LANE, 1, 1_000_000_007, None)
        for _ in range(7):
            await desk.pass_s(1)
        ended = await desk.book.release(LANE)
        assert ended.charged_nano_usd == -(-7_000 * 1_000_000_007 // 3_600_000)


async def test_two_meters_charge_once(tmp_path: Path, clock: HandClock) -> None:
    async with opened(tmp_path, clock) as desk:
        account_id = await desk.customer(100)
        opened_ = await desk.book.open(account_id, LANE, 8, RATE, None)
        clock.advance_s(HOUR_S)
        await desk.book.turn(opened_, 8 * HOUR_S * 1000)
        await desk.book.turn(opened_, 8 * HOUR_S * 1000)
        await desk.book.end(opened_, 8 * HOUR_S * 1000)
        reservation, account = await desk.now(account_id)
        assert (reservation.state, reservation.period) == (State.ACTIVE, 2)
        assert account.posted_nano_usd == 84 * NANO_PER_USD


async def test_what_can_not_be_reserved(tmp_path: Path, clock: HandClock) -> None:
    async with opened(tmp_path, clock) as desk:
        account_id = await desk.customer(20)
        with pytest.raises(InsufficientFunds):
            await desk.book.open(account_id, LANE, 11, RATE, None)
        with pytest.raises(NotFound):
            await desk.book.open("nobody", LANE, 1, RATE, None)
        with pytest.raises(InvalidRequest):
            await desk.book.open(account_id, LANE, 10**5, 2**62, None)
        with pytest.raises(NotFound):
            await desk.book.release(LANE)
        await desk.book.open(account_id, LANE, 1, RATE, None)
        with pytest.raises(InvalidRequest, match="reserved already"):
            await desk.book.open(account_id, LANE, 1, RATE, None)
        assert (await desk.now(account_id))[1].held_nano_usd == RATE


async def test_one_that_lost_its_hold_is_told_and_stops_no_other(
    tmp_path: Path, clock: HandClock
) -> None:
    async with opened(tmp_path, clock) as desk:
        account_id = await desk.customer(100)
        broken = await desk.book.open(account_id, LANE, 1, RATE, None)
        whole = await desk.book.open(account_id, "private:other", 1, RATE, None)
        await desk.store.commit(void(broken.hold_id, account_id, None))
        await desk.pass_s(HOUR_S)
        found = {one.id: one for one in await desk.book.of_account(account_id)}
        assert (found[whole.id].period, found[whole.id].charged_nano_usd) == (2, RATE)
        assert (found[broken.id].period, found[broken.id].charged_nano_usd) == (1, 0)
        with pytest.raises(InternalError, match="no_hold"):
            await desk.book.release(LANE)

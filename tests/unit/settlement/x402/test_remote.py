"""Facilitators of others over HTTP: one that answers is enough, and none is believed."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from base.clock import SystemClock
from base.errors import ServiceUnavailable
from settlement.chain.devchain import DevChain
from settlement.chain.funding import usdc_balance
from settlement.chain.tables import TABLES as CHAIN_TABLES
from settlement.x402.facilitator import Authorization, SettlementState
from settlement.x402.facilitators.dev import DevFacilitator
from settlement.x402.facilitators.endpoint import Breaker
from settlement.x402.facilitators.remote import Remote, RemoteFacilitator, with_settlers
from settlement.x402.reasons import BALANCE, NETWORK_MISMATCH
from settlement.x402.sale import Asset
from tests.chains import Payer, funded_payer, new_address, new_payer
from tests.clocks import HandClock
from tests.counter import SECRET, Counter, counter
from tests.stores import fresh_store

SETTLED, REFUSED, PENDING = (
    SettlementState.SETTLED,
    SettlementState.REFUSED,
    SettlementState.PENDING,
)


@dataclass
class House:
    remote: RemoteFacilitator
    first: Counter
    second: Counter
    chain: DevChain
    payer: Payer
    payee: str

    async def received(self) -> int:
        return await usdc_balance(self.chain.rpc_url, self.payee)

    def paid(self, value: int = 100) -> Authorization:
        return self.payer.authorize(self.payee, value)


@asynccontextmanager
async def _house(chain: DevChain, folder: Path, confirm_from_atomic: int) -> AsyncIterator[House]:
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(fresh_store(folder, CHAIN_TABLES))
        own = await stack.enter_async_context(
            DevFacilitator(chain, store, SystemClock(), folder / "gas.key")
        )
        first = await stack.enter_async_context(counter(own, chain.network))
        second = await stack.enter_async_context(counter(own, chain.network))
        asset = Asset(chain.network, chain.usdc, "USDC", "2")
        remotes = [Remote(shop.url, {"Authorization": SECRET}, 5.0) for shop in (first, second)]
        remote = await stack.enter_async_context(
            RemoteFacilitator(chain, asset, remotes, SystemClock(), confirm_from_atomic, wait_s=3.0)
        )
        yield House(remote, first, second, chain, await funded_payer(chain, 1000), new_address())


@pytest.fixture
async def house(dev_chain: DevChain, tmp_path: Path) -> AsyncIterator[House]:
    async with _house(dev_chain, tmp_path, 0) as house:
        yield house


async def test_a_payment_is_verified_and_settled_by_the_first(house: House) -> None:
    paid = house.paid()
    assert await house.remote.verify(paid) is None
    settled = await house.remote.settle("run_1", paid)
    assert settled.state is SETTLED
    assert await house.received() == 100
    assert house.first.asked == {"verify": 1, "settle": 1}
    assert house.second.asked == {}
    assert house.first.keys == {SECRET}
    assert (await house.remote.settle("run_1", paid)) == settled
    assert house.first.asked["settle"] == 1


@pytest.mark.parametrize("mood", ["error", "garbage", "mute"])
async def test_another_is_asked_where_one_gives_no_answer(house: House, mood: str) -> None:
    """Whether the first one settled or not: the money moves once."""
    house.first.mood = mood
    settled = await house.remote.settle("run_1", house.paid())
    assert settled.state is SETTLED
    assert await house.received() == 100
    assert house.second.asked["settle"] == (0 if mood == "mute" else 1)


async def test_one_that_is_down_is_left_out_after_three_times(house: House) -> None:
    house.first.mood = "error"
    for _ in range(5):
        assert await house.remote.verify(house.paid()) is None
    assert house.first.asked["verify"] == 3
    assert house.second.asked["verify"] == 5


async def test_where_none_answers_nothing_is_taken(house: House) -> None:
    house.first.mood = house.second.mood = "error"
    with pytest.raises(ServiceUnavailable):
        await house.remote.verify(house.paid())
    assert (await house.remote.settle("run_1", house.paid())).state is PENDING


async def test_one_that_says_it_settled_and_did_not_is_found_out(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.first.mood = "lie"
    assert (await house.remote.settle("run_1", house.paid())).state is SETTLED  # by the second
    assert "our node sees no such transfer" in caplog.text
    assert SECRET not in caplog.text
    assert await house.received() == 100
    assert (await house.remote.settle("run_2", house.paid())).state is SETTLED
    assert house.first.asked["settle"] == 1  # it is not asked any more


async def test_one_that_tells_of_another_payments_transaction_is_found_out(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """It is on the chain and moved as much, by the same payer to the same payee, for another call."""
    first = await house.remote.settle("run_1", house.paid())
    house.first.mood, house.first.lie = "lie", first.transaction
    second = await house.remote.settle("run_2", house.paid())
    assert second.state is SETTLED  # by the second
    assert second.transaction != first.transaction
    assert await house.received() == 200
    assert "our node sees no such transfer" in caplog.text


async def test_one_that_settles_and_says_it_failed_is_found_out(house: House) -> None:
    house.first.mood = house.second.mood = "steal"
    settled = await house.remote.settle("run_1", house.paid())
    assert settled.state is SETTLED
    assert await house.received() == 100


async def test_below_the_amount_it_is_believed_and_the_chain_tells_later(
    dev_chain: DevChain, tmp_path: Path
) -> None:
    async with _house(dev_chain, tmp_path, 101) as house:
        house.first.mood = "lie"
        small, large = house.paid(100), house.paid(101)
        assert (await house.remote.settle("run_1", small)).state is SETTLED
        assert (await house.remote.settle("run_2", large)).state is SETTLED
        assert await house.received() == 101
        assert (await house.remote.outcome("run_1", small)).state is PENDING  # the books hear of it


async def test_a_payment_that_all_refuse_is_refused_where_the_chain_refuses_too(house: House) -> None:
    house.first.mood = house.second.mood = "refuse"
    assert (await house.remote.settle("run_1", house.paid())).state is PENDING  # it may still come
    poor = new_payer().authorize(house.payee, 5)
    assert await house.remote.verify(poor) == BALANCE
    answer = await house.remote.settle("run_2", poor)
    assert (answer.state, answer.reason) == (REFUSED, BALANCE)


async def test_a_liar_verifies_nothing_that_our_node_refuses(house: House) -> None:
    house.first.mood = "lie"
    assert await house.remote.verify(new_payer().authorize(house.payee, 5)) == BALANCE


async def test_only_its_asset_is_served(house: House) -> None:
    paid = house.paid()
    other = replace(paid, asset=new_address())
    assert await house.remote.verify(other) == NETWORK_MISMATCH
    assert (await house.remote.settle("run_1", other)).state is REFUSED


def test_a_breaker_opens_after_three_failures_in_a_row_and_tries_again() -> None:
    clock = HandClock()
    breaker = Breaker(clock.monotonic_s)

    def asked_after(seconds: int) -> bool:
        clock.advance_s(seconds)
        return breaker.open

    for _ in range(2):
        breaker.failed()
    breaker.answered()
    for _ in range(2):
        breaker.failed()
    assert asked_after(0)
    breaker.failed()
    assert [asked_after(seconds) for seconds in (0, 29, 2)] == [False, False, True]
    breaker.lied()
    assert [asked_after(seconds) for seconds in (0, 599, 2)] == [False, False, True]


async def _by_upto(house: House) -> RemoteFacilitator:
    """The same facilitators, the second of which says that it settles upto."""
    own = house.second.own
    assert isinstance(own, DevFacilitator)
    house.second.settler = own.address
    remotes = [Remote(shop.url, {"Authorization": SECRET}, 5.0) for shop in (house.first, house.second)]
    named = await with_settlers(remotes, house.chain.network)
    assert [remote.settler for remote in named] == ["", own.address]
    asset = Asset(house.chain.network, house.chain.usdc, "USDC", "2")
    return RemoteFacilitator(house.chain, asset, named, SystemClock(), wait_s=3.0)


def _permit(house: House, settler: str, approved: int) -> Authorization:
    payer = house.payer
    return payer.permit(
        house.payee, 100, facilitator=settler, settles_atomic=30, approval=payer.approval(approved)
    )


async def test_upto_is_settled_by_the_one_that_the_payer_named(house: House) -> None:
    async with await _by_upto(house) as remote:
        settler = house.second.settler
        paid = _permit(house, settler, 100)
        assert await remote.verify(paid) is None
        settled = await remote.settle("run_1", paid)
        assert settled.state is SETTLED
        assert await house.received() == 30
        assert house.second.asked["settle"] == 1
        assert house.first.asked == {}
        assert (await remote.settle("run_1", paid)).state is SETTLED  # it is on the chain
        assert await house.received() == 30
        for stranger in (new_address(), house.chain.usdc):
            assert await remote.verify(_permit(house, stranger, 100)) == NETWORK_MISMATCH


async def test_one_that_lies_about_upto_is_found_out(house: House) -> None:
    async with await _by_upto(house) as remote:
        house.second.mood = "lie"
        settled = await remote.settle("run_1", _permit(house, house.second.settler, 100))
        assert settled.state is PENDING
        assert await house.received() == 0


async def test_where_none_settles_upto_it_is_not_served(house: House) -> None:
    named = await with_settlers([Remote("http://127.0.0.1:1", {}, 1.0)], house.chain.network)
    assert [remote.settler for remote in named] == [""]
    assert await house.remote.verify(_permit(house, new_address(), 100)) == NETWORK_MISMATCH

"""Engines that hang, lie about their health, reset, or talk nonsense: nobody pays for it, and who was
shown nothing waits for one more attempt at most."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal

from tests.fake_sglang.kind import Faults, Kind
from tests.fake_sglang.server import FakeSglang, serving
from tests.faults.pool.calls import Clients, Told
from tests.faults.pool.replicas import INPUT_NANO, MODEL, OUTPUT_NANO
from tests.faults.pool.test_kill import check_broken, usage_of
from tests.live import running
from tests.watched import Watched

CALLS = 12  # of each kind at once
TOKENS = 40


@dataclass(frozen=True, slots=True)
class Pair:
    """A server in front of two engines, of which one misbehaves at times."""

    watched: Watched
    bad: FakeSglang

    @contextmanager
    def misbehaving(self, **switches: Any) -> Iterator[None]:
        _turn(self.bad.faults, Faults(**switches))
        try:
            yield
        finally:
            _turn(self.bad.faults, Faults())
            self.recover()

    def recover(self) -> None:
        """Both take calls again, and answered some."""
        self.watched.eventually("both are ready", lambda: _states(self.watched) == ["ready"] * 2)
        streams, whole = asyncio.run(_calls(self.watched))
        assert all(told.ended for told in (*streams, *whole))


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    kind = Kind(running_max=64, queue_max=64, tick_s=0.001)
    with ExitStack() as stack:
        portal = stack.enter_context(start_blocking_portal())
        bad, good = (
            stack.enter_context(portal.wrap_async_context_manager(serving(kind))) for _ in range(2)
        )
        env = {
            "BATCHIN_X402": "false",
            "BATCHIN_ENGINE": f"sglang={bad.url},{good.url}",
            "BATCHIN_MODELS": f'[{{"id": "{MODEL}", "modality": "chat", "context_length": 2048}}]',
            "BATCHIN_SILENCE_S": "1",
            "BATCHIN_FIRST_EVENT_S": "10",
            "BATCHIN_BETWEEN_EVENTS_S": "3",
        }
        data = tmp_path_factory.mktemp("misbehaving") / "data"
        yield Pair(Watched(stack.enter_context(running(data, **env))), bad)


@pytest.mark.parametrize(
    "switches",
    [
        {"stall_after": 0},
        {"head_s": 30.0},
        {"stall_after": 1, "stall_s": 0.2},  # the role was told, no text
        {"reset_after": 0},
        {"garbage_after": 0},
        {"cut_after": 1},
        {"not_http": True},
        {"queue_full": True},
    ],
    ids=str,
)
def test_who_was_shown_nothing_is_answered_by_the_other_and_pays_once(
    pair: Pair, switches: dict[str, Any]
) -> None:
    watched = pair.watched
    before = _balance(watched)
    with pair.misbehaving(**switches):
        streams, whole = asyncio.run(_calls(watched))
        told = [*streams, *whole]
        assert [one for one in told if not one.ended or one.error] == []
        paid = [usage_of(watched, one.run_id) for one in told]
        assert {status for status, *_ in paid} == {"completed"}
        assert [charged for *_, charged in paid] == [
            given * INPUT_NANO + made * OUTPUT_NANO for _, given, made, _ in paid
        ]
        assert before - _balance(watched) == sum(charged for *_, charged in paid)
    assert watched.money().holds == 0


@pytest.mark.parametrize(
    "switches",
    [{"stall_after": 9}, {"reset_after": 9}, {"garbage_after": 9}, {"cut_after": 9}, {"no_usage": True}],
    ids=str,
)
def test_a_stream_that_it_breaks_is_partial_and_no_other_call_is_touched(
    pair: Pair, switches: dict[str, Any]
) -> None:
    watched = pair.watched
    with pair.misbehaving(**switches):
        streams, whole = asyncio.run(_calls(watched))
        assert [one for one in whole if not one.ended] == []
        broken = [one for one in streams if not one.ended]
        assert 0 < len(broken) < CALLS
        for one in broken:
            check_broken(watched, one)
    assert watched.money().holds == 0


def test_an_engine_that_says_it_is_not_ready_gets_no_calls(pair: Pair) -> None:
    with pair.misbehaving(draining=True):
        pair.watched.eventually("it is left", lambda: "down" in _states(pair.watched))
        asked = len(pair.bad.seen)
        streams, whole = asyncio.run(_calls(pair.watched))
        assert all(told.ended for told in (*streams, *whole))
        assert len(pair.bad.seen) == asked


def test_the_books_are_right_after_all_that(pair: Pair) -> None:
    assert asyncio.run(pair.watched.audit()).faults == ()


async def _calls(watched: Watched) -> tuple[list[Told], list[Told]]:
    """As many streams and whole answers at once."""
    streams, whole = ([Told() for _ in range(CALLS)] for _ in range(2))
    async with Clients(watched.server) as clients:
        await asyncio.gather(
            *(clients.stream(TOKENS, told) for told in streams),
            *(clients.whole(TOKENS, told) for told in whole),
        )
    return streams, whole


def _turn(faults: Faults, wanted: Faults) -> None:
    for switch in fields(Faults):
        setattr(faults, switch.name, getattr(wanted, switch.name))


def _balance(watched: Watched) -> int:
    return sum(balance for balance, _ in watched.money().accounts.values())


def _states(watched: Watched) -> list[str]:
    return [engine["state"] for engine in watched.http.get("/readyz").json()["engines"]]

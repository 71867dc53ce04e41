"""The store against a dict: whatever is submitted, in whatever order, across reopens and failures."""

import asyncio
import tempfile
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from sqlalchemy import select

from storage.errors import StorageUnavailable
from storage.op import Op, Refused, Ticket
from storage.sqlite import SqliteStore
from tests.stores import fresh_store
from tests.unit.storage.purses import NOTE, PURSE, SEAT, TABLES, drop, give, note, refuse, seat

T = TypeVar("T")

NAMES = st.sampled_from([f"purse {at}" for at in range(12)])
STEPS = st.one_of(
    st.tuples(st.just("give"), NAMES, st.integers(-3, 5)),
    st.tuples(st.just("drop"), NAMES),
    st.tuples(st.just("seat"), st.sampled_from("ab"), st.integers(0, 3), st.sampled_from("xyz")),
    st.tuples(st.just("note")),
    st.tuples(st.just("refuse")),
)
COMMITS = st.lists(STEPS, max_size=4)


@dataclass
class Model:
    """What the tables should hold, and what each commit should answer."""

    purses: dict[str, int] = field(default_factory=dict)
    seats: dict[tuple[str, int], str] = field(default_factory=dict)
    notes: int = 0

    def apply(self, commit: Sequence[Any]) -> tuple[list[Op], Any]:
        draft = Model(dict(self.purses), dict(self.seats), self.notes)
        ops: list[Op] = []
        values: list[Any] = []
        for step in commit:
            op, value = draft._step(*step)
            ops.append(op)
            values.append(value)
        refused = next((value for value in values if isinstance(value, Refused)), None)
        if refused is not None:
            return ops, refused
        self.purses, self.seats, self.notes = draft.purses, draft.seats, draft.notes
        return ops, tuple(values)

    def _step(self, kind: str, *args: Any) -> tuple[Op, Any]:
        if kind == "refuse":
            return refuse("no"), Refused("no")
        if kind == "note":
            self.notes += 1
            return note(f"{self.notes}"), None
        if kind == "drop":
            return drop(args[0]), self.purses.pop(args[0], None) is not None
        if kind == "seat":
            hall, number, guest = args
            before = self.seats.get((hall, number))
            self.seats[hall, number] = guest
            return seat(hall, number, guest), before
        name, coins = args
        now = self.purses.get(name, 0) + coins
        if now < 0:
            return give(name, coins), Refused("insufficient")
        self.purses[name] = now
        return give(name, coins), now


async def held(store: SqliteStore) -> Model:
    purses = {row["id"]: row["coins"] for row in await store.read(select(PURSE))}
    seats = {(row["hall"], row["number"]): row["guest"] for row in await store.read(select(SEAT))}
    return Model(purses, seats, len(await store.read(select(NOTE.c.id))))


class StoreMachine(RuleBasedStateMachine):
    """Submits, waits, reads and reopens; a working set so small that rows leave it all the time."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.runner = asyncio.Runner()
        self.model = Model()
        self.tickets: list[tuple[Ticket, Any]] = []

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    async def open(self) -> None:
        self.stack = AsyncExitStack()
        opened = fresh_store(Path(self.folder.name), TABLES, cached_rows=4)
        self.store = await self.stack.enter_async_context(opened)

    async def settle(self) -> None:
        for ticket, expected in self.tickets:
            assert await ticket.durable == expected
            assert await ticket.visible == expected
        self.tickets.clear()

    @initialize()
    def start(self) -> None:
        self.run(self.open())

    @rule(
        commits=st.lists(COMMITS, min_size=1, max_size=4),
        ask=st.sampled_from(["nothing", "visible", "durable"]),
        turns=st.integers(0, 3),
    )
    def submit(self, commits: list[Any], ask: str, turns: int) -> None:
        async def work() -> None:
            for commit in commits:
                ops, expected = self.model.apply(commit)
                ticket = self.store.submit(*ops)
                if ask != "nothing":
                    getattr(ticket, ask)
                self.tickets.append((ticket, expected))
                for _ in range(turns):
                    await asyncio.sleep(0)

        self.run(work())

    @rule()
    def breathe(self) -> None:
        self.run(asyncio.sleep(0.001))

    @rule()
    def check_visible(self) -> None:
        async def work() -> None:
            for ticket, expected in self.tickets:
                assert await ticket.visible == expected

        self.run(work())

    @rule()
    def check_disk(self) -> None:
        self.run(self.settle())
        assert self.run(held(self.store)) == self.model

    @rule()
    def reopen(self) -> None:
        self.run(self.stack.aclose())
        self.run(self.settle())
        self.run(self.open())

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.reopen()
            self.check_disk()
            self.run(self.stack.aclose())
        self.runner.close()
        self.folder.cleanup()


TestStore = StoreMachine.TestCase
TestStore.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)


@settings(max_examples=20, deadline=None)
@given(commits=st.lists(st.tuples(COMMITS, st.booleans()), min_size=1, max_size=30))
def test_bad_commits_never_were(commits: list[tuple[Any, bool]]) -> None:
    """Commits of which some break a constraint: the others answer, and leave, what they would alone."""

    async def work(folder: Path) -> None:
        model = Model()
        async with fresh_store(folder, TABLES) as store:
            await store.commit(note("taken"))
            model.notes += 1
            expected: list[Any] = []
            submitted = []
            for commit, bad in commits:
                if bad:
                    ops, _ = Model(dict(model.purses), dict(model.seats), model.notes).apply(commit)
                    expected.append(None)
                    submitted.append(store.submit(*ops, note("taken")).durable)
                else:
                    ops, value = model.apply(commit)
                    expected.append(value)
                    submitted.append(store.submit(*ops).durable)
            answers = await asyncio.gather(*submitted, return_exceptions=True)
            for (_, bad), answer, value in zip(commits, answers, expected, strict=True):
                if bad and not isinstance(answer, Refused):
                    assert isinstance(answer, StorageUnavailable)
                elif not bad:
                    assert answer == value
            assert await held(store) == model

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(work(Path(folder)))

"""The outbox: who writes never waits, what a reader does not take is bounded, and then he is cut."""

import asyncio
from dataclasses import dataclass, field
from typing import cast

import pytest
from starlette.types import Message

from server.web.outbox import Outbox, ReaderTooSlow
from server.web.wire import Wire


@dataclass
class Reader:
    """A connection whose reader takes nothing while it is paused."""

    write_paused: bool = False
    taken: list[bytes] = field(default_factory=list)
    ended: bool = False
    aborted: bool = False
    takes: asyncio.Event = field(default_factory=asyncio.Event)

    def pause(self) -> None:
        self.write_paused = True
        self.takes.clear()

    def resume(self) -> None:
        self.write_paused = False
        self.takes.set()

    def abort(self) -> None:
        self.aborted = True

    async def send(self, message: Message) -> None:
        if self.write_paused:
            await self.takes.wait()
        self.taken.append(message["body"])
        self.ended = not message.get("more_body", False)

    def outbox(self, held_max: int = 100) -> Outbox:
        return Outbox(self.send, Wire(self, cast("asyncio.Transport", self)), held_max)


async def test_a_reader_who_keeps_up_gets_at_once_what_came_together() -> None:
    reader = Reader()
    outbox = reader.outbox()
    await outbox.write(b"a")
    await outbox.write(b"b")
    await asyncio.sleep(0)
    assert reader.taken == [b"ab"]
    await outbox.write(b"c")
    await outbox.end(b"d")
    outbox.close()
    assert (reader.taken, reader.ended, reader.aborted) == ([b"ab", b"cd"], True, False)


async def test_a_writer_does_not_wait_for_a_slow_reader_who_then_gets_all_in_order() -> None:
    reader = Reader()
    outbox = reader.outbox()
    await outbox.write(b"1")
    await asyncio.sleep(0)
    reader.pause()
    for number in range(2, 10):
        await asyncio.wait_for(outbox.write(b"%d" % number), 60)
    assert reader.taken == [b"1"]
    ending = asyncio.create_task(outbox.end(b"."))
    await asyncio.sleep(0)
    assert not ending.done()
    reader.resume()
    await asyncio.wait_for(ending, 60)
    outbox.close()
    assert b"".join(reader.taken) == b"123456789."
    assert (reader.ended, reader.aborted) == (True, False)


async def test_past_the_bound_the_reader_is_cut() -> None:
    reader = Reader(write_paused=True)
    outbox = reader.outbox(held_max=10)
    await outbox.write(b"12345")
    await asyncio.sleep(0)  # its first part is on the way, and still counts
    await outbox.write(b"12345")
    with pytest.raises(ReaderTooSlow):
        await outbox.write(b"1")
    outbox.close()
    assert reader.aborted


async def test_what_was_taken_makes_room_again() -> None:
    reader = Reader(write_paused=True)
    outbox = reader.outbox(held_max=10)
    for _ in range(5):
        reader.pause()
        await outbox.write(b"1234567890")
        reader.resume()
        for _ in range(3):
            await asyncio.sleep(0)
    await outbox.end(b".")
    assert len(b"".join(reader.taken)) == 51


async def test_a_reader_who_comes_back_gets_big_pieces() -> None:
    reader = Reader(write_paused=True)
    outbox = reader.outbox(held_max=1_000_000)
    for _ in range(3_000):
        await outbox.write(b"x" * 100)
    reader.resume()
    await outbox.end(b".")
    assert len(reader.taken) < 20
    assert max(map(len, reader.taken)) <= 65_536
    assert len(b"".join(reader.taken)) == 300_001


async def test_an_answer_that_was_not_ended_is_cut() -> None:
    reader = Reader()
    outbox = reader.outbox()
    await outbox.write(b"a")
    outbox.close()
    assert reader.aborted

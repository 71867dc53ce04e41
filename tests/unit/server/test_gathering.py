"""What is written in one turn of the loop leaves as one piece, in order, and never later."""

import asyncio
from typing import Any

from server.gathering import Gathering


class Wire(asyncio.Transport):
    """A transport that keeps what it is given, and when it was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.closed = False
        self.unread = 0
        self.aborted = asyncio.Event()

    def get_write_buffer_size(self) -> int:
        return self.unread

    def write(self, data: Any) -> None:
        self.sent.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True
        self.aborted.set()

    def is_closing(self) -> bool:
        return self.closed


def gathering() -> tuple[Gathering, Wire]:
    wire = Wire()
    return Gathering(wire, asyncio.get_running_loop(), linger_s=0.01), wire


async def test_one_turn_is_one_piece() -> None:
    transport, wire = gathering()
    transport.write(b"head ")
    transport.write(b"body")
    assert wire.sent == []
    await asyncio.sleep(0)
    assert wire.sent == [b"head body"]
    transport.write(b"next")
    await asyncio.sleep(0)
    assert wire.sent == [b"head body", b"next"]


async def test_closing_sends_what_was_written() -> None:
    transport, wire = gathering()
    transport.write(b"last words")
    transport.close()
    assert (wire.sent, wire.closed) == ([b"last words"], True)
    await asyncio.sleep(0)
    assert wire.sent == [b"last words"]


async def test_who_does_not_take_the_rest_of_a_closed_connection_is_cut() -> None:
    """A transport that is closed waits for its reader, for ever."""
    transport, wire = gathering()
    transport.write(b"last words")
    wire.unread = 10
    transport.close()
    assert not wire.aborted.is_set()
    await asyncio.wait_for(wire.aborted.wait(), 10)


async def test_one_that_was_taken_is_closed_and_not_cut() -> None:
    transport, wire = gathering()
    transport.write(b"last words")
    transport.close()
    await asyncio.sleep(0.05)
    assert (wire.closed, wire.aborted.is_set()) == (True, False)


async def test_aborting_sends_nothing_more() -> None:
    transport, wire = gathering()
    transport.write(b"unwanted")
    transport.abort()
    await asyncio.sleep(0)
    assert (wire.sent, wire.closed) == ([], True)


async def test_a_peer_that_is_gone_is_not_written_to() -> None:
    transport, wire = gathering()
    transport.write(b"too late")
    wire.closed = True
    await asyncio.sleep(0)
    assert wire.sent == []


async def test_much_is_handed_on_at_once_so_that_back_pressure_sees_it() -> None:
    transport, wire = gathering()
    for _ in range(3):
        transport.write(bytes(40_000))
    assert [len(piece) for piece in wire.sent] == [80_000]
    await asyncio.sleep(0)
    assert [len(piece) for piece in wire.sent] == [80_000, 40_000]

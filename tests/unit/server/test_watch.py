"""The watch of a connection: its end ends the call that runs, and nothing else."""

import asyncio
from typing import Any, cast

import pytest
from starlette.types import Message

from server.web.connection import Watch
from server.web.wire import Wire

PATIENCE_S = 5
BODY: Message = {"type": "http.response.body", "body": b"{}"}


class Pipe:
    """A connection; ``write_paused`` while its reader is behind."""

    def __init__(self) -> None:
        self.write_paused = False
        self.sent: list[Message] = []
        self.aborted = False
        self.wire = Wire(self, cast("Any", self))

    def abort(self) -> None:
        self.aborted = True

    async def send(self, message: Message) -> None:
        if self.write_paused:
            await asyncio.Event().wait()
        self.sent.append(message)


def lose(wire: Wire) -> None:
    assert wire.lost is not None
    wire.lost()


async def test_the_end_of_the_connection_ends_the_call() -> None:
    pipe = Pipe()
    loop = asyncio.get_running_loop()
    with Watch(pipe.wire, pipe.send, PATIENCE_S) as watch:
        loop.call_soon(lose, pipe.wire)
        await asyncio.sleep(PATIENCE_S)
    assert watch.gone
    current = asyncio.current_task()
    assert current is not None
    assert not current.cancelling()


async def test_a_reader_that_takes_nothing_is_cut_in_time() -> None:
    pipe = Pipe()
    pipe.write_paused = True
    with Watch(pipe.wire, pipe.send, 0.01) as watch:
        await watch.send(BODY)
    assert watch.gone
    assert pipe.aborted  # closed alone, it would wait for its reader for ever
    assert pipe.sent == []


async def test_a_reader_that_keeps_up_has_no_time_limit() -> None:
    pipe = Pipe()
    with Watch(pipe.wire, pipe.send, 0) as watch:
        await watch.send(BODY)
        await asyncio.sleep(0)
    assert (watch.gone, pipe.aborted) == (False, False)
    assert pipe.sent == [BODY]


async def test_what_ends_after_the_call_is_nobodys() -> None:
    pipe = Pipe()
    with Watch(pipe.wire, pipe.send, PATIENCE_S):
        pass
    assert pipe.wire.lost is None


async def test_another_cancellation_is_not_its_own() -> None:
    pipe, began = Pipe(), asyncio.Event()

    async def call() -> None:
        with Watch(pipe.wire, pipe.send, PATIENCE_S):
            began.set()
            await asyncio.sleep(PATIENCE_S)

    task = asyncio.create_task(call())
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

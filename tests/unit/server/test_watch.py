"""The watcher of a connection: armed late, never in the way of who reads the body, and a disconnect ends
the call."""

import asyncio

import pytest
from starlette.types import Message

from server.web.connection import Watch

PATIENCE_S = 5
BODY: Message = {"type": "http.request", "body": b"{}", "more_body": False}
PART: Message = {"type": "http.request", "body": b"{", "more_body": True}
GONE: Message = {"type": "http.disconnect"}


class Client:
    """Sends what it is told to; counts who waits for it."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[Message] = asyncio.Queue()
        self.asked = asyncio.Event()
        self.waiting = 0

    async def receive(self) -> Message:
        self.waiting += 1
        self.asked.set()
        try:
            return await self.messages.get()
        finally:
            self.waiting -= 1

    async def send(self, message: Message) -> None: ...


def watch(client: Client) -> Watch:
    return Watch(client.receive, client.send, PATIENCE_S)


async def test_a_call_that_ends_soon_costs_no_watcher() -> None:
    client = Client()
    with watch(client):
        pass
    assert not client.asked.is_set()


async def test_a_disconnect_is_seen_while_the_call_runs_and_ends_it() -> None:
    client = Client()
    async with asyncio.timeout(PATIENCE_S):
        with watch(client) as one:
            await client.asked.wait()  # nobody but the watcher asks
            client.messages.put_nowait(GONE)
            await asyncio.Event().wait()
    assert one.gone
    current = asyncio.current_task()
    assert current is not None
    assert not current.cancelling()


async def test_the_watcher_takes_nothing_of_a_body_that_is_slow() -> None:
    client = Client()
    async with asyncio.timeout(PATIENCE_S):
        with watch(client) as one:
            client.messages.put_nowait(PART)
            assert await one.receive() == PART
            reading = asyncio.create_task(one.receive())
            await asyncio.sleep(0.2)  # well past the time at which it is armed
            assert client.waiting == 1
            client.messages.put_nowait(BODY)
            assert await reading == BODY


async def test_another_cancellation_is_not_its_own() -> None:
    client = Client()

    async def call() -> None:
        with watch(client):
            await asyncio.Event().wait()

    task = asyncio.create_task(call())
    await client.asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

"""Engines of a running server, as its operator sees and changes them."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest

from base.child import ChildFailed
from base.errors import Conflict, InvalidRequest
from runtime.engine import EngineHealth, EngineState, Load
from server.engines import EnginesOffice
from server.operations import Operations


class Apart:
    """An engine that somebody else runs."""

    state = EngineState.READY

    async def load(self) -> Load:
        return Load(2, 1, 8)

    async def ready(self) -> bool:
        return self.state is EngineState.READY


class Here(Apart):
    """An engine of ours; ``broken`` does not start again, ``slow`` waits until it is set."""

    def __init__(self) -> None:
        self.broken = False
        self.slow = asyncio.Event()
        self.slow.set()

    async def start(self) -> None:
        await self.slow.wait()
        if self.broken:
            raise ChildFailed("no such model")
        self.state = EngineState.READY

    async def stop(self) -> None:
        self.state = EngineState.STOPPED


class Replica:
    def __init__(self, name: str, engine: Any) -> None:
        self.id = name
        self.engine = engine
        self.running = 0
        self.draining = False

    def health(self) -> EngineHealth:
        state = EngineState.DRAINING if self.draining else self.engine.state
        return EngineHealth(self.id, state, ("m",), 3, {"running": self.running})

    def drain(self) -> None:
        self.draining = True

    def resume(self) -> None:
        self.draining = False


class Replicas:
    def __init__(self) -> None:
        self.here = Replica("sglang", Here())
        self.apart = Replica("openai", Apart())

    def __iter__(self) -> Iterator[Replica]:
        return iter((self.here, self.apart))

    def get(self, name: str) -> Replica | None:
        return next((one for one in self if one.id == name), None)


async def row(operations: Operations, name: str) -> Any:
    return next(one for one in await operations.call("engines.list") if one["id"] == name)


async def settled(operations: Operations, name: str) -> Any:
    """The engine's row once nothing is being done with it."""
    deadline = time.monotonic() + 60
    while (told := await row(operations, name))["busy"]:
        assert time.monotonic() < deadline, told
        await asyncio.sleep(0.01)
    return told


@pytest.fixture
def replicas() -> Replicas:
    return Replicas()


async def test_the_list_and_the_check(replicas: Replicas) -> None:
    async with EnginesOffice(replicas) as office:
        operations = Operations(office.operations())
        assert await operations.call("engines.list") == [
            {
                "id": "sglang",
                "state": "ready",
                "models": ["m"],
                "restarts": 3,
                "running": 0,
                "ours": True,
                "busy": None,
                "problem": None,
            },
            {
                "id": "openai",
                "state": "ready",
                "models": ["m"],
                "restarts": 3,
                "running": 0,
                "ours": False,
                "busy": None,
                "problem": None,
            },
        ]
        first, _ = await operations.call("engines.check")
        assert (first["ready"], first["running"], first["queued"], first["limit"]) == (True, 2, 1, 8)


async def test_what_runs_ends_before_the_engine(replicas: Replicas) -> None:
    async with EnginesOffice(replicas) as office:
        operations = Operations(office.operations())
        replicas.here.running = 1
        assert (await operations.call("engines.stop", id="sglang"))["busy"] == "stopping"
        assert replicas.here.draining
        with pytest.raises(Conflict, match="stopping already"):
            await operations.call("engines.start", id="sglang")
        assert (await row(operations, "sglang"))["busy"] == "stopping"
        replicas.here.running = 0
        assert (await settled(operations, "sglang"))["problem"] is None
        assert replicas.here.engine.state is EngineState.STOPPED
        (stopped, _) = await operations.call("engines.check")
        assert stopped["ready"] is False
        await operations.call("engines.start", id="sglang")
        assert (await settled(operations, "sglang"))["state"] == "ready"
        assert not replicas.here.draining


async def test_an_engine_apart_goes_on_by_itself(replicas: Replicas) -> None:
    async with EnginesOffice(replicas) as office:
        operations = Operations(office.operations())
        await operations.call("engines.stop", id="openai")
        assert (await settled(operations, "openai"))["state"] == "draining"
        assert replicas.apart.engine.state is EngineState.READY
        await operations.call("engines.start", id="openai")
        assert (await settled(operations, "openai"))["state"] == "ready"


async def test_what_does_not_start_says_why_and_gets_no_calls(replicas: Replicas) -> None:
    async with EnginesOffice(replicas) as office:
        operations = Operations(office.operations())
        await operations.call("engines.stop", id="sglang")
        await settled(operations, "sglang")
        replicas.here.engine.broken = True
        await operations.call("engines.start", id="sglang")
        assert (await settled(operations, "sglang"))["problem"] == "no such model"
        assert replicas.here.draining


async def test_an_unknown_engine_is_told_with_those_there_are(replicas: Replicas) -> None:
    async with EnginesOffice(replicas) as office:
        with pytest.raises(InvalidRequest, match="sglang, openai"):
            await Operations(office.operations()).call("engines.stop", id="vllm")


async def test_a_server_that_stops_does_not_wait_for_a_start(replicas: Replicas) -> None:
    async with EnginesOffice(replicas) as office:
        replicas.here.engine.slow.clear()
        await Operations(office.operations()).call("engines.start", id="sglang")

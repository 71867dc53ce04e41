"""The engines of sound: loaded at the first call, at rest when idle, back when their child dies."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from runtime.engine import EngineCall, EngineState, Event, Fault, Metered, Modality, Started
from runtime.local.child_engine import ChildEngine
from runtime.local.lazy_child import Patience
from runtime.local.speech import KOKORO_ID, local_speech
from runtime.sound import Sound

LONG = "This goes on for a while. " * 40


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine() -> AsyncIterator[ChildEngine]:
    async with local_speech(1, 4, Patience(silence_s=60, idle_s=600)) as engine:
        yield engine


def call(text: str, rid: str = "run_1") -> EngineCall:
    body = {"input": text, "voice": "jf_alpha", "format": "pcm", "speed": 1.0, "parts": False}
    return EngineCall(rid, Modality.SPEECH, KOKORO_ID, body, "tenant")


async def events_of(engine: ChildEngine, asked: EngineCall) -> list[Event]:
    async with engine.run(asked) as events:
        return [event async for event in events]


async def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


def cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


@pytest_asyncio.fixture(loop_scope="module")
async def loaded(engine: ChildEngine) -> ChildEngine:
    events = await events_of(engine, call("Hi."))
    assert [type(event) for event in events] == [Started, Sound, Metered]
    return engine


class TestSpeech:
    """One engine for all: the model is loaded once or twice."""

    pytestmark = pytest.mark.asyncio(loop_scope="module")

    async def test_a_call_that_leaves_ends_what_the_child_computes(self, loaded: ChildEngine) -> None:
        pid = loaded.pid
        assert pid is not None
        async with loaded.run(call(LONG)) as events:
            assert isinstance(await anext(aiter(events)), Started)
        before = cpu_ticks(pid)
        await asyncio.sleep(0)
        deadline = time.monotonic() + 60
        while True:  # two looks that see no work done: the child is at rest
            await asyncio.sleep(0.3)
            now = cpu_ticks(pid)
            if now - before <= 1:
                break
            assert time.monotonic() < deadline
            before = now
        assert loaded.pid == pid

    async def test_a_child_that_is_killed_costs_its_calls_alone(self, loaded: ChildEngine) -> None:
        pid = loaded.pid
        assert pid is not None
        async with loaded.run(call(LONG)) as events:
            rest = aiter(events)
            assert isinstance(await anext(rest), Started)
            os.kill(pid, signal.SIGKILL)
            [fault] = [event async for event in rest]
        assert isinstance(fault, Fault)
        assert (fault.kind, fault.retryable) == ("unavailable", True)
        await until(lambda: loaded.pid not in (None, pid))
        assert loaded.state is EngineState.READY
        assert loaded.health().restarts == 1
        assert isinstance((await events_of(loaded, call("Hi.")))[-1], Metered)

    async def test_an_aborted_call_says_so(self, loaded: ChildEngine) -> None:
        async with loaded.run(call(LONG)) as events:
            rest = aiter(events)
            assert isinstance(await anext(rest), Started)
            await loaded.abort("run_1")
            [fault] = [event async for event in rest]
        assert isinstance(fault, Fault)
        assert fault.detail == "aborted"


async def test_nothing_is_loaded_before_a_call_and_after_a_rest() -> None:
    async with local_speech(1, 4, Patience(silence_s=60, idle_s=0.05)) as engine:
        assert (engine.state, engine.pid) == (EngineState.READY, None)
        await events_of(engine, call("Hi."))
        await until(lambda: engine.pid is None)
        assert await engine.ready()
    assert not await engine.ready()

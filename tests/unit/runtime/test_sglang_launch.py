"""SGLang as a child process: a package of its name stands in for it, in an environment of its own."""

import asyncio
import os
import signal
import time
import venv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from base.child import ChildFailed
from base.settings import SettingsError
from runtime.engine import EngineCall, EngineState, Event, Fault, Finish, Modality, Started
from runtime.http.message import Limits
from runtime.sglang.launched import Launched
from runtime.sglang.plan import LaunchPlan

ROOT = Path(__file__).resolve().parents[3]
_LAUNCH_SERVER = """
import argparse, asyncio, signal, sys

sys.path[:0] = {paths!r}
from tests.fake_sglang.kind import Kind
from tests.fake_sglang.server import serving

parser = argparse.ArgumentParser()
for name in ("--model-path", "--served-model-name", "--host", "--api-key", "--admin-api-key"):
    parser.add_argument(name, required=True)
parser.add_argument("--port", type=int, required=True)
parser.add_argument("--is-embedding", action="store_true")
args, rest = parser.parse_known_args()
print("server_args=", vars(args), rest, file=sys.stderr, flush=True)
if args.model_path == "broken":
    sys.exit("no such model")

async def main():
    kind = Kind(
        model=args.served_model_name, embedding=args.is_embedding,
        key=args.api_key, admin_key=args.admin_api_key,
    )
    async with serving(kind, port=args.port) as fake:
        def drain():
            fake.faults.draining = not fake.faults.draining

        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, drain)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def interpreter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with a package ``sglang`` 0.5.23 that serves the fake."""
    import orjson

    folder = tmp_path_factory.mktemp("sglang")
    venv.create(folder, symlinks=True)
    site = next((folder / "lib").glob("python3.*")) / "site-packages"
    (site / "sglang").mkdir()
    (site / "sglang" / "__init__.py").touch()
    paths = [str(ROOT), str(Path(orjson.__file__).parents[1])]
    (site / "sglang" / "launch_server.py").write_text(_LAUNCH_SERVER.format(paths=paths))
    (site / "sglang-0.5.23.dist-info").mkdir()
    (site / "sglang-0.5.23.dist-info" / "METADATA").write_text("Name: sglang\nVersion: 0.5.23\n")
    return folder / "bin" / "python"


def plan(interpreter: Path, model: str = "tiny", *args: str) -> LaunchPlan:
    return LaunchPlan(
        python=interpreter,
        build="gpu",
        model=model,
        served_as="tiny-qwen3",
        kind=Modality.CHAT,
        args=args,
        start_s=30,
    )


def launched(of: LaunchPlan) -> Launched:
    return Launched("sglang", of, {"shared": 0}, Limits())


def chat(modality: Modality = Modality.CHAT) -> EngineCall:
    body = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 3, "input": ["hi"]}
    return EngineCall("run_1", modality, "tiny-qwen3", body, "acct_1")


async def answer(engine: Launched, modality: Modality = Modality.CHAT) -> list[Event]:
    async with engine.run(chat(modality)) as events:
        return [event async for event in events]


def command_of(engine: Launched) -> str:
    """As any user of the machine can see it."""
    return Path(f"/proc/{engine.pid}/cmdline").read_text()


async def until(engine: Launched, state: EngineState) -> None:
    await until_true(lambda: engine.state is state)


async def until_true(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not true():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def test_it_serves_under_keys_that_nobody_sees(
    interpreter: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "batchin.child")
    of = plan(interpreter)
    async with launched(of) as engine:
        events = await answer(engine)
        assert events[0] == Started("tiny-qwen3", "", "sglang", "0.5.23")
        assert Finish(0, "length") in events
        load = await engine.load()
        assert (load.running, load.limit) == (0, 4)
        assert engine.modalities == {Modality.CHAT, Modality.COMPLETION}
        command = command_of(engine)
        assert of.key not in command
        assert of.admin_key not in command
    assert engine.state is EngineState.STOPPED
    assert "server_args=" in caplog.text
    assert of.key not in caplog.text
    assert of.admin_key not in caplog.text
    assert of.key not in repr(of)


async def test_it_is_started_again_when_it_dies(interpreter: Path) -> None:
    async with launched(plan(interpreter)) as engine:
        assert engine.pid is not None
        url = engine.url
        os.killpg(engine.pid, signal.SIGKILL)
        await until(engine, EngineState.DOWN)
        (fault,) = await answer(engine)
        assert isinstance(fault, Fault)
        assert (fault.kind, fault.retryable) == ("unavailable", True)
        await until(engine, EngineState.READY)
        assert engine.url != url
        assert Finish(0, "length") in await answer(engine)
        assert engine.health().restarts == 1


async def test_one_that_hangs_does_not_hold_up_who_looks_at_it(interpreter: Path) -> None:
    async with launched(plan(interpreter)) as engine:
        assert engine.pid is not None
        os.killpg(engine.pid, signal.SIGSTOP)
        try:
            async with asyncio.timeout(60), engine.run(chat()) as events:
                reading = asyncio.ensure_future(anext(events))
                await asyncio.sleep(0.1)
                load = await engine.load()
                reading.cancel()
                await asyncio.wait((reading,))
            await until(engine, EngineState.DOWN)
        finally:
            os.killpg(engine.pid, signal.SIGCONT)
        await until(engine, EngineState.READY)
        assert engine.health().restarts == 0
    assert load.running == 1
    assert load.silent_s > 1


async def test_one_that_says_it_is_not_ready_is_down_until_it_says_it_is(interpreter: Path) -> None:
    """As SGLang does while it drains: what it has in hand ends, and it takes more."""
    async with launched(plan(interpreter)) as engine:
        assert engine.pid is not None
        os.kill(engine.pid, signal.SIGUSR1)
        await until(engine, EngineState.DOWN)
        assert not await engine.ready()
        assert Finish(0, "length") in await answer(engine)
        os.kill(engine.pid, signal.SIGUSR1)
        await until(engine, EngineState.READY)
        assert await engine.ready()
        assert engine.health().restarts == 0


async def test_one_that_says_nothing_for_too_long_is_ended_and_started_again(
    interpreter: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("runtime.vigil._ANSWER_S", 2.0)
    async with launched(replace(plan(interpreter), silence_s=0.01)) as engine:
        hung = engine.pid
        assert hung is not None
        os.killpg(hung, signal.SIGSTOP)
        await until_true(lambda: engine.pid not in (None, hung))
        monkeypatch.setattr("runtime.vigil._ANSWER_S", 120.0)  # a slow machine is no silence
        assert Finish(0, "length") in await answer(engine)
        assert engine.health().restarts == 1
    assert "said nothing" in caplog.text


async def test_one_that_says_no_is_not_ended_however_long(
    interpreter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.vigil._PAUSE_S", 0.01)
    monkeypatch.setattr("runtime.vigil._ANSWER_S", 120.0)
    async with launched(replace(plan(interpreter), silence_s=0.01)) as engine:
        pid = engine.pid
        assert pid is not None
        os.kill(pid, signal.SIGUSR1)
        await until(engine, EngineState.DOWN)
        for _ in range(20):  # as often as the watch asks, and for longer than a silence may last
            assert not await engine.ready()
            await asyncio.sleep(0.01)
        assert engine.pid == pid
        assert Finish(0, "length") in await answer(engine)
        os.kill(pid, signal.SIGUSR1)
        await until(engine, EngineState.READY)
        assert (engine.pid, engine.health().restarts) == (pid, 0)


async def test_it_is_stopped_and_started(interpreter: Path) -> None:
    async with launched(plan(interpreter)) as engine:
        await engine.stop()
        await engine.stop()
        assert (engine.state, engine.pid) == (EngineState.STOPPED, None)
        assert isinstance((await answer(engine))[0], Fault)
        await engine.start()
        await engine.start()
        assert Finish(0, "length") in await answer(engine)


async def test_what_does_not_start_says_why(interpreter: Path) -> None:
    with pytest.raises(ChildFailed, match="no such model"):
        async with launched(plan(interpreter, "broken")):
            pass


async def test_another_modality_never_reaches_it(interpreter: Path) -> None:
    async with launched(plan(interpreter)) as engine:
        (fault,) = await answer(engine, Modality.EMBEDDING)
    assert isinstance(fault, Fault)
    assert fault.kind == "invalid"


@pytest.mark.parametrize("flag", ["--port", "--api-key=x", "--model-path", "--is-embedding", "--host"])
def test_what_we_set_is_not_the_operators_to_set(interpreter: Path, flag: str) -> None:
    with pytest.raises(SettingsError, match=flag):
        plan(interpreter, "tiny", flag, "1").program()


def after(flag: str, arguments: list[str]) -> str:
    """The flag's value; it is set once."""
    assert arguments.count(flag) == 1
    return arguments[arguments.index(flag) + 1]


def test_flags_by_kind_and_build(interpreter: Path) -> None:
    of = plan(interpreter, "tiny", "--completion-template", "qwen_coder")
    asked = of.program().request["arguments"]
    assert of.fills_in
    assert "--is-embedding" not in asked
    assert "--device" not in asked
    assert {"--enable-metrics", "--enable-cache-report", "--enable-priority-scheduling"} <= set(asked)
    assert after("--max-queued-requests", asked) == str(of.max_queued)
    assert after("--tokenizer-worker-num", asked) == "1"
    assert after("--model-path", asked) == "tiny"
    assert after("--served-model-name", asked) == "tiny-qwen3"
    assert asked[-2:] == ["--completion-template", "qwen_coder"]
    small = replace(of, build="cpu", kind=Modality.EMBEDDING, args=(), threads=3, max_queued=7)
    asked = small.program().request["arguments"]
    assert {"--enable-metrics", "--enable-cache-report", "--enable-priority-scheduling"} <= set(asked)
    assert after("--max-queued-requests", asked) == "7"
    assert {"--is-embedding", "--device", "--max-total-tokens", "--skip-server-warmup"} <= set(asked)
    assert small.program().env["OMP_NUM_THREADS"] == "3"

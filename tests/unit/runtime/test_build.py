"""From settings to engines: attached servers, models, and what a wrong setting is told."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from base.clock import SystemClock
from base.settings import ModelSettings, Settings, SettingsError
from runtime.build import Runtime, build_runtime
from runtime.engine import Delta, EngineState, Modality, Started
from runtime.local.artifacts import Artifact
from runtime.local.fetch import FetchError
from runtime.local.weights import chat_weights
from tests.live import free_port
from tests.unit.runtime.engines import chat_call
from tests.unit.runtime.scripted import Exchange, Script, finish, piece, scripted, usage, whole

MODEL = ModelSettings(id="tiny-qwen3", modality="chat", aliases=("small",), license="MIT")


def silent(_: Artifact, __: int) -> None:
    return None


async def build(settings: Settings) -> Runtime:
    return await build_runtime(settings, SystemClock(), silent)


async def serving(exchange: Exchange) -> None:
    """SGLang's routes, as far as an attachment uses them."""
    path = exchange.head.split()[1]
    if path == "/v1/chat/completions":
        await exchange.stream(piece("hi"), finish(), usage(3, 1))
    elif path == "/server_info":
        await exchange.say(whole(b'{"version":"0.5.23"}'))
    elif path == "/model_info":
        await exchange.say(whole(b'{"weight_version":"w7"}'))
    elif path == "/v1/models":
        rows = [{"id": "tiny-qwen3", "max_model_len": 2048}]
        await exchange.say(whole(orjson.dumps({"data": rows})))
    else:
        await exchange.say(whole(b""))


def listing(model: str, *, generates: bool = True) -> Script:
    """A server that lists this one."""

    async def answer(exchange: Exchange) -> None:
        path = exchange.head.split()[1]
        if path == "/model_info":
            await exchange.say(whole(orjson.dumps({"is_generation": generates})))
        elif path == "/v1/models":
            await exchange.say(whole(orjson.dumps({"data": [{"id": model}]})))
        else:
            await exchange.say(whole(b"{}"))

    return answer


async def until_state(runtime: Runtime, state: EngineState) -> None:
    await until(lambda: runtime.engines.health()[0].state is state)


async def until(seen: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not seen():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def test_an_attached_server_serves_its_models_and_says_what_it_is() -> None:
    async with scripted(serving) as server:
        runtime = await build(Settings(engine=f"sglang={server.url}", models=(MODEL,)))
        async with runtime.engines as engines:
            model = runtime.catalog.resolve("small", Modality.CHAT)
            assert model.engine_model == chat_call().model
            dispatch = engines.dispatch(chat_call(), time.monotonic() + 5)
            told = [await dispatch.start(), *[event async for event in dispatch.events]]
            await dispatch.close()
    assert told[0] == Started("tiny-qwen3", "w7", "sglang", "0.5.23")
    assert told[1] == Delta(0, "hi")
    assert not engines.serves(Modality.EMBEDDING)


async def test_without_settings_of_models_the_server_is_asked() -> None:
    async with scripted(serving) as server:
        runtime = await build(Settings(engine=f"openai={server.url}/v1"))
    (model,) = runtime.catalog
    assert (model.id, model.context_length, model.modality) == ("tiny-qwen3", 2048, Modality.CHAT)


async def test_what_a_server_lists_is_of_the_kind_that_it_tells() -> None:
    async with scripted(listing("a")) as one, scripted(listing("b", generates=False)) as other:
        runtime = await build(Settings(engine=f"sglang={one.url},{other.url}"))
        kinds = {model.id: model.modality for model in runtime.catalog}
        assert kinds == {"a": Modality.CHAT, "b": Modality.EMBEDDING}
        assert [(replica.id, set(replica.engine.models)) for replica in runtime.engines] == [
            ("sglang-1", {"a"}),
            ("sglang-2", {"b"}),
        ]


async def test_a_replica_that_is_away_at_the_start_serves_what_it_has_when_it_comes() -> None:
    port = free_port()
    away = f"http://127.0.0.1:{port}"
    async with scripted(listing("a")) as one, scripted(listing("b")) as two:
        runtime = await build(Settings(engine=f"sglang={one.url},{two.url},{away}"))
        assert {model.id for model in runtime.catalog} == {"a", "b"}
        async with runtime.engines as engines:
            late = engines.get("sglang-3")
            assert late is not None
            assert late.health().state is EngineState.DOWN
            async with scripted(listing("b"), port):
                await until(lambda: late.health().state is EngineState.READY)
                assert late.engine.models == {"b"}
            await until(lambda: late.health().state is EngineState.DOWN)
            async with scripted(listing("a"), port):
                await until(lambda: late.engine.models == {"a"})


async def test_nobody_knows_the_models() -> None:
    with pytest.raises(SettingsError, match="lists none at /v1/models"):
        await build(Settings(engine=f"openai=http://127.0.0.1:{free_port()}"))


async def test_an_attached_server_may_come_late_and_come_back() -> None:
    port = free_port()
    runtime = await build(Settings(engine=f"sglang=http://127.0.0.1:{port}", models=(MODEL,)))
    async with runtime.engines as engines:
        assert engines.health()[0].state is EngineState.DOWN
        for returns in (1, 2):
            async with scripted(serving, port):
                await until_state(runtime, EngineState.READY)
                assert engines.health()[0].restarts == returns
            await until_state(runtime, EngineState.DOWN)
    assert engines.health()[0].state is EngineState.STOPPED


async def test_no_engine_at_all() -> None:
    runtime = await build(Settings(engine="none"))
    async with runtime.engines as engines:
        assert (list(runtime.catalog), engines.health()) == ([], [])


async def test_two_models_with_one_name_are_a_wrong_setting() -> None:
    twice = (MODEL, ModelSettings(id="small", modality="chat"))
    with pytest.raises(SettingsError, match="'small'"):
        await build(Settings(engine="sglang=http://127.0.0.1:1", models=twice))


@pytest.mark.parametrize(
    "model",
    ["nope", "/nowhere/model.gguf", "hf:one-part", "hf:o/r:../../etc/passwd", "hf:o/r:x.bin", ""],
)
def test_a_chat_model_that_can_not_be_is_a_wrong_setting(model: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="model = "):
        chat_weights(model, tmp_path, lambda _: 4096)


def test_a_hub_that_is_out_of_reach_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(FetchError, match="give the path of a"):
        chat_weights("hf:owner/repo:model.gguf", tmp_path, lambda _: 4096)


def test_a_file_of_ones_own_is_named_by_its_digest(tmp_path: Path) -> None:
    file = tmp_path / "My-Model.Q4.gguf"
    file.write_bytes(b"GGUF one")
    first = chat_weights(str(file), tmp_path / "cache", lambda _: 2048)
    assert (first.id, first.context_length) == ("my-model.q4", 2048)
    assert first.revision == chat_weights(str(file), tmp_path / "cache", lambda _: 2048).revision
    file.write_bytes(b"GGUF two, longer")
    assert chat_weights(str(file), tmp_path / "cache", lambda _: 2048).revision != first.revision

"""The official openai SDK for TypeScript against the real server."""

import json
import shutil
from pathlib import Path

import pytest

from tests.live import LiveServer
from tests.node import OPENAI_FOR_NODE, installed, node, run

SOURCES = Path(__file__).parent / "typescript"

pytestmark = pytest.mark.peers


async def test_the_typescript_sdk_is_answered(live_server: LiveServer, tmp_path: Path) -> None:
    folder = tmp_path / "client"
    shutil.copytree(SOURCES, folder)
    (folder / "node_modules").symlink_to(await installed(OPENAI_FOR_NODE) / "node_modules")
    printed = await run(await node(), "client.mjs", live_server.url, live_server.api_key, cwd=folder)
    told = json.loads(printed)
    assert told["chat"]
    assert told["chatStream"] == told["chat"]
    assert told["completion"]
    assert told["response"]
    assert told["responseStream"] == told["response"] == told["retrieved"]
    assert told["events"][0] == "response.created"
    assert told["events"][-1] == "response.completed"
    assert told["items"] == 1
    assert told["gone"] == 404
    assert told["dimensions"] == [384, 384]


# of the resources that are served, what is not
ELSEWHERE = {
    "audio.translations.create",
    "chat.completions.delete",
    "chat.completions.list",
    "chat.completions.retrieve",
    "chat.completions.update",
    "images.createVariation",
    "images.edit",
    "models.delete",
    "moderations.create",
    "responses.compact",
}


async def test_every_method_of_the_typescript_sdk_is_answered(
    live_server: LiveServer, tmp_path: Path
) -> None:
    folder = tmp_path / "client"
    shutil.copytree(SOURCES, folder)
    (folder / "node_modules").symlink_to(await installed(OPENAI_FOR_NODE) / "node_modules")
    printed = await run(
        await node(), "every_method.mjs", live_server.url, live_server.api_key, cwd=folder
    )
    told = json.loads(printed)
    called = {name.partition(",")[0] for name in told["answers"]}
    assert set(told["methods"]) == called | ELSEWHERE
    assert [name for name, answer in told["answers"].items() if not answer] == []

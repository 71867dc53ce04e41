"""The official SDK's videos in TypeScript, method by method."""

import json
import shutil
from pathlib import Path

import pytest

from tests.contract.videos.conftest import Studio
from tests.node import OPENAI_FOR_NODE, installed, node, run

SOURCES = Path(__file__).parent.parent / "openai" / "typescript"
ELSEWHERE = {"createCharacter", "edit", "extend", "getCharacter", "remix"}

pytestmark = [pytest.mark.peers, pytest.mark.asyncio(loop_scope="session")]


async def test_every_method(studio: Studio, tmp_path: Path) -> None:
    folder = tmp_path / "client"
    shutil.copytree(SOURCES, folder)
    (folder / "node_modules").symlink_to(await installed(OPENAI_FOR_NODE) / "node_modules")
    server = studio.server
    printed = json.loads(await run(await node(), "videos.mjs", server.url, server.api_key, cwd=folder))
    told = printed["told"]
    assert told.pop("create") == "video.generation"
    assert [name for name, answer in told.items() if not answer] == []
    assert told["retrieve"] == "completed"
    assert set(printed["methods"]) == (told.keys() - {"gone"}) | {"create"} | ELSEWHERE

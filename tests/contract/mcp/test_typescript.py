"""The TypeScript v1 SDK as a client: the most used one, and the one that checks error results too."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from tests.contract.mcp.conftest import Live, eventually
from tests.contract.mcp.pack import CHALLENGE, KEY

SOURCES = Path(__file__).parent / "typescript"


async def run(*command: str, cwd: Path) -> str:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=cwd, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


@pytest.mark.peers
async def test_a_typescript_client_lists_is_challenged_pays_follows_and_cancels(
    live: Live, tmp_path: Path
) -> None:
    shutil.copytree(SOURCES, tmp_path, dirs_exist_ok=True)
    await run("npm", "install", "--no-audit", "--no-fund", cwd=tmp_path)
    saw = json.loads(await run("node", "client.mjs", live.url, KEY, cwd=tmp_path))
    assert saw["tools"] == ["echo", "talk", "models"]
    assert saw["challenge"]["isError"] is True
    assert saw["challenge"]["structuredContent"] == CHALLENGE
    assert saw["invalid"]["structuredContent"]["error"]["param"] == "text"
    assert saw["unknown"] == -32602
    assert saw["forbidden"] == 401
    assert saw["answer"]["structuredContent"] == {"text": "a b c"}
    assert saw["text"] == "a b c"
    assert saw["cancelled"] == -32001
    await eventually(live.stage.aborted.is_set)

"""/console in Chromium: a key is made, a call made, its trace found, its proof verified, the spend seen,
a batch watched; what others wrote stays text; the key is kept in the tab alone."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live import LiveServer, running
from tests.node import installed, node, run

pytestmark = pytest.mark.peers

SCRIPT = Path(__file__).parent / "console.mjs"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with running(tmp_path_factory.mktemp("console") / "data", BATCHIN_X402="false") as live:
        yield live


async def test_a_person_finds_and_proves_a_call(server: LiveServer, tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    assert browser is not None, "chromium is needed"
    told = {
        "url": server.url,
        "browser": browser,
        "modules": str(await installed("playwright-core@1.65.1", "axe-core@4.14.1")),
        "key": server.api_key,
        "shots": str(tmp_path),
    }
    said = json.loads(await run(await node(), str(SCRIPT), json.dumps(told), cwd=tmp_path, within_s=600))
    assert said["found"] == []
    assert "invalid or missing" in said["refused"]
    assert said["made"] == "batchin_api_"
    assert "onerror" in said["asked"]
    assert {"admission", "hold", "engine", "capture"} <= set(said["bars"])
    assert '<img src=x onerror="window.hacked=1">' in said["bars"]
    assert (said["verified"], said["outcome"]) in {(0, "pass"), (0, "incomplete")}
    assert float(said["bar"]) > 0
    assert said["progress"] == "3"
    assert said["kept"] is False
    assert said["chinese"] == "密钥"
    assert said["ended"] == 0

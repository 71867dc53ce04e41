"""/console in trouble, in Chromium: a slow network, the keyboard alone, a wrong key, no network, and a
key that is revoked in the middle of a visit."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live import LiveServer, running
from tests.node import installed, node, run

pytestmark = pytest.mark.peers

SCRIPT = Path(__file__).parent / "trouble.mjs"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with running(tmp_path_factory.mktemp("trouble") / "data", BATCHIN_X402="false") as live:
        yield live


async def test_what_goes_wrong_is_told_and_survived(server: LiveServer, tmp_path: Path) -> None:
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
    assert said["problems"] == []
    assert said["reached"] == "key"
    assert said["afterWrong"] == ["key", ""]
    assert said["focus"] == "view"
    assert "The server can't be reached." in said["offline"]
    assert "invalid or missing" in said["revoked"]
    assert said["left"] == [0, 0]

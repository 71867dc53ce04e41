"""Every page in Chromium, on a desktop in English and on a dark phone in Chinese: nothing serious is
found by axe, nothing is wider than the screen, no module fails, nothing is loaded from elsewhere."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.pages.routes import DRAWN, PAGES
from tests.live import LiveServer, running
from tests.node import installed, node, run

pytestmark = pytest.mark.peers

SCRIPT = Path(__file__).parent / "pages.mjs"
DEEPER = ("/docs/quickstart", "/docs/api", "/docs/api/createChatCompletion", "/docs/changelog")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with running(tmp_path_factory.mktemp("all-pages") / "data", BATCHIN_X402="false") as live:
        yield live


async def test_every_page_is_for_everybody(server: LiveServer, tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    assert browser is not None, "chromium is needed"
    told = {
        "url": server.url,
        "browser": browser,
        "modules": str(await installed("playwright-core@1.65.1", "axe-core@4.14.1")),
        "paths": [*(page.path for page in (*PAGES, *DRAWN)), *DEEPER],
        "shots": str(tmp_path),
    }
    found = json.loads(await run(await node(), str(SCRIPT), json.dumps(told), cwd=tmp_path))
    assert found == []

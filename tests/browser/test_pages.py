"""Every page in Chromium, on a desktop in English and on a dark phone in Chinese: nothing serious is
found by axe, nothing is wider than the screen, no module fails, nothing is loaded from elsewhere."""

from pathlib import Path

import pytest

from server.pages.routes import DRAWN, PAGES
from tests.browser.walk import walked
from tests.live import LiveServer

pytestmark = pytest.mark.peers

DEEPER = ("/docs/quickstart", "/docs/api", "/docs/api/createChatCompletion", "/docs/changelog")


async def test_every_page_is_for_everybody(server: LiveServer, tmp_path: Path) -> None:
    found = await walked(
        "pages.mjs", server, tmp_path, paths=[*(page.path for page in (*PAGES, *DRAWN)), *DEEPER]
    )
    assert found == []

"""/console in trouble, in Chromium: a slow network, the keyboard alone, a wrong key, no network, and a
key that is revoked in the middle of a visit."""

from pathlib import Path

import pytest

from tests.browser.walk import walked
from tests.live import LiveServer

pytestmark = pytest.mark.peers


async def test_what_goes_wrong_is_told_and_survived(server: LiveServer, tmp_path: Path) -> None:
    said = await walked("trouble.mjs", server, tmp_path, within_s=600)
    assert said["problems"] == []
    assert said["reached"] == "key"
    assert said["afterWrong"] == ["key", ""]
    assert said["focus"] == "view"
    assert "The server can't be reached." in said["offline"]
    assert "invalid or missing" in said["revoked"]
    assert said["left"] == [0, 0]

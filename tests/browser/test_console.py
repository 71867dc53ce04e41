"""/console in Chromium: a key is made, a call made, its trace found, its proof verified, the spend seen,
a batch watched; what others wrote stays text; the key is kept in the tab alone."""

from pathlib import Path

import pytest

from tests.browser.walk import walked
from tests.live import LiveServer

pytestmark = pytest.mark.peers


async def test_a_person_finds_and_proves_a_call(server: LiveServer, tmp_path: Path) -> None:
    said = await walked("console.mjs", server, tmp_path, within_s=600)
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

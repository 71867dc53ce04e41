"""The documentation in Chromium: the language chosen is remembered, the search leads to a route, and
what is tried there is a real request."""

from pathlib import Path

import pytest

from tests.browser.walk import walked
from tests.live import LiveServer

pytestmark = pytest.mark.peers


async def test_a_person_reads_searches_and_tries(server: LiveServer, tmp_path: Path) -> None:
    said = await walked("site.mjs", server, tmp_path)
    assert said["problems"] == []
    assert (said["tab"], said["panels"]) == ("TypeScript", 1)
    assert said["status"].startswith("200 ")
    assert "x-vaas-record-id: vaas_" in said["answer"]
    assert '"embedding"' in said["answer"]
    assert f"curl -sS -X POST '{server.url}/v1/embeddings'" in said["curl"]
    assert server.api_key not in said["curl"]
    assert (said["kept"], said["otherTab"]) == (True, "")
    assert all(found for name, found in said.items() if name.startswith("bare "))

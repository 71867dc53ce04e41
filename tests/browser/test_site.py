"""The documentation in Chromium: the language chosen is remembered, the search leads to a route, and
what is tried there is a real request."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live import LiveServer, running
from tests.node import installed, node, run

pytestmark = pytest.mark.peers

SCRIPT = Path(__file__).parent / "site.mjs"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with running(tmp_path_factory.mktemp("site") / "data", BATCHIN_X402="false") as live:
        yield live


async def test_a_person_reads_searches_and_tries(server: LiveServer, tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    assert browser is not None, "chromium is needed"
    told = {
        "url": server.url,
        "browser": browser,
        "modules": str(await installed("playwright-core@1.65.1", "axe-core@4.14.1")),
        "key": server.api_key,
        "shots": str(tmp_path),
    }
    said = json.loads(await run(await node(), str(SCRIPT), json.dumps(told), cwd=tmp_path))
    assert said["problems"] == []
    assert (said["tab"], said["panels"]) == ("TypeScript", 1)
    assert said["status"].startswith("200 ")
    assert "x-vaas-record-id: vaas_" in said["answer"]
    assert '"embedding"' in said["answer"]
    assert f"curl -sS -X POST '{server.url}/v1/embeddings'" in said["curl"]
    assert server.api_key not in said["curl"]
    assert (said["kept"], said["otherTab"]) == (True, "")
    assert all(found for name, found in said.items() if name.startswith("bare "))

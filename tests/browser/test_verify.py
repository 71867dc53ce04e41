"""/verify in Chromium: what is pasted or fetched is checked in the page, with the network off too."""

import json
import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.live import LiveServer, running
from tests.node import installed, node, run
from tests.watched import Watched

pytestmark = pytest.mark.peers

SCRIPT = Path(__file__).parent / "verify.mjs"
EMBED = {"model": "bge-m3", "input": "one text"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with running(tmp_path_factory.mktemp("pages") / "data", BATCHIN_X402="false") as live:
        yield live


def recorded(server: LiveServer) -> dict[str, str]:
    """The id of a call, its bundle with its place in the log, and the keys of the server."""
    headers = {"authorization": f"Bearer {server.api_key}"}
    answer = httpx.post(server.url + "/v1/embeddings", json=EMBED, headers=headers, trust_env=False)
    record_id = answer.headers["x-vaas-record-id"]
    http = Watched(server).http

    def placed() -> bool:
        return http.get(f"/v1/vaas/{record_id}/bundle").json()["inclusion"] is not None

    Watched(server).eventually("the record stands in the log", placed)
    return {
        "id": record_id,
        "bundle": http.get(f"/v1/vaas/{record_id}/bundle").text,
        "keys": http.get("/v1/vaas/pubkey/current").text,
    }


async def test_a_person_verifies_a_record(server: LiveServer, tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    assert browser is not None, "chromium is needed"
    modules = await installed("playwright-core@1.65.1", "axe-core@4.14.1")
    told = {
        "url": server.url,
        "browser": browser,
        **recorded(server),
        "shots": str(tmp_path),
        "modules": str(modules),
    }
    said = json.loads(await run(await node(), str(SCRIPT), json.dumps(told), cwd=tmp_path))
    left = {"request_hash", "response_hash"}
    for way in ("offline", "fetched"):
        assert {name for name, result in said[way].items() if result != "pass"} == left, way
    assert (said["title"], said["focused"]) == ("Everything holds", "outcome")
    failed = {name for name, result in said["tampered"].items() if result == "fail"}
    assert {"evidence.payload_hash", "evidence.signature"} <= failed
    assert said["firstShown"] == "fail"
    assert said["noKeys"].startswith("The trusted keys can't be read")
    assert said["kept"] == [True, True, "", ""]
    assert said["left"] == [0, 0]
    assert said["chineseSchema"] == "payload_hash 不是 payload 的哈希。"
    assert said["chineseFigures"].startswith("charged_nano_usd 为 7")
    assert said["afresh"] == ["", "", "", ""]
    assert said["chineseDetail"].startswith("未提供密钥列表")
    assert said["chinese"] == ["验证收据", "zh-CN"]
    assert said["axe"] + said["axeTampered"] + said["axeChinese"] + said["axePhone"] == []
    assert (said["problems"], said["foreign"], said["wide"]) == ([], [], False)
    for shot in ("verify-desktop.png", "verify-phone.png"):
        assert (tmp_path / shot).stat().st_size > 10_000

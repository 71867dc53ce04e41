"""/verify in Chromium: what is pasted or fetched is checked in the page, with the network off too."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.browser.walk import walked
from tests.live import LiveServer
from tests.watched import Watched

pytestmark = pytest.mark.peers

EMBED = {"model": "bge-m3", "input": "one text"}


def recorded(server: LiveServer) -> dict[str, Any]:
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
    said = await walked("verify.mjs", server, tmp_path, **recorded(server))
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

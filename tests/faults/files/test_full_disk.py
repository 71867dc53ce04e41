"""A disk that takes no more fails the upload, and nothing else."""

import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.live import LiveServer, running

MOST = 32 * 1024 * 1024


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    folder: Path = tmp_path_factory.mktemp("full") / "data"
    with running(folder, "--engine", "local", BATCHIN_X402="false") as live:
        yield live


@pytest.fixture
def http(server: LiveServer) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {server.api_key}"}
    with httpx.Client(base_url=server.url + "/v1", headers=headers, timeout=60) as client:
        yield client


def upload(http: httpx.Client, size: int) -> httpx.Response:
    return http.post(
        "/files", data={"purpose": "batch"}, files={"file": ("a.jsonl", b" " * size)}, timeout=120
    )


def test_an_upload_that_finds_no_room_fails_alone(server: LiveServer, http: httpx.Client) -> None:
    pid = server.process.pid
    unlimited = resource.prlimit(pid, resource.RLIMIT_FSIZE, (MOST, resource.RLIM_INFINITY))
    try:
        refused = upload(http, MOST + 1_000_000)
        assert refused.status_code == 503
        error: dict[str, Any] = refused.json()["error"]
        assert error["code"] == "service_unavailable"
        assert error["resolution"].startswith("Nothing was stored.")
        assert str(server.data_dir) not in refused.text
        assert list((server.data_dir / "objects" / "incoming").iterdir()) == []
        small = upload(http, 1000)
        assert small.status_code == 200
        assert http.get(f"/files/{small.json()['id']}/content").content == b" " * 1000
        assert [file["id"] for file in http.get("/files").json()["data"]] == [small.json()["id"]]
        vectors = http.post("/embeddings", json={"model": "bge-m3", "input": "x"})
        assert vectors.status_code == 200
        assert httpx.get(server.url + "/health", timeout=60).json() == {"status": "ok"}
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, unlimited)
    assert upload(http, MOST + 1_000_000).status_code == 200
    assert server.process.poll() is None

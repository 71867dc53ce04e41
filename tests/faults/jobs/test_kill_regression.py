"""kill -9 at each step of a regression: its batch is made once, each call runs and is charged once."""

import os
import signal
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.faults.jobs.test_kill import engine, rows, serve
from tests.live import LiveServer

__all__ = ["engine"]
SAMPLES = 8
PATIENCE_S = 60


def client(server: LiveServer, key: str) -> httpx.Client:
    headers = {"authorization": f"Bearer {key}"}
    return httpx.Client(base_url=server.url, headers=headers, timeout=60, trust_env=False)


def kill(server: LiveServer) -> None:
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait(60)


def prepare(http: httpx.Client) -> str:
    """A prompt of two versions, and samples of the first: the key that opted in."""
    for words, promote in (("Say {{what}}.", True), ("Say {{what}}, please.", False)):
        messages = [{"role": "user", "content": words}]
        pushed = {"name": "say", "messages": messages, "promote": promote}
        http.post("/v1/prompts", json=pushed).raise_for_status()
    key = str(http.post("/v1/keys", json={"keeps_samples": True}).json()["key"])
    for number in range(SAMPLES):
        prompt = {"id": "say", "variables": {"what": str(number)}}
        asked = {"model": "instant", "max_tokens": 4, "prompt": prompt}
        headers = {"authorization": f"Bearer {key}"}
        http.post("/v1/chat/completions", json=asked, headers=headers).raise_for_status()
    return key


def regressions(http: httpx.Client) -> list[dict[str, Any]]:
    return list(http.get("/v1/prompt-regressions").json()["items"])


@pytest.mark.parametrize("wait", ["at once", "when its batch runs"])
def test_a_regression_survives_a_kill(tmp_path: Path, engine: str, wait: str) -> None:
    data_dir = tmp_path / "data"
    server = serve(data_dir, engine)
    with client(server, server.api_key) as http:
        prepare(http)
        rule = {"checks": [{"type": "length"}], "auto_promote": True, "min_samples": SAMPLES}
        wish = {"registry_id": "say", "candidate": "v2", "budget_cents": 100, "rule": rule}
        http.post("/v1/prompt-regressions", json=wish).raise_for_status()
        deadline = time.monotonic() + PATIENCE_S
        while wait != "at once" and regressions(http)[0]["status"] == "queued":
            assert time.monotonic() < deadline
            time.sleep(0.005)
    kill(server)
    server = serve(data_dir, engine)
    try:
        with client(server, server.api_key) as http:
            deadline = time.monotonic() + PATIENCE_S
            while (ended := regressions(http)[0])["ended_at"] is None:
                assert time.monotonic() < deadline, ended
                time.sleep(0.05)
            [item] = http.get("/v1/prompts").json()["items"]
    finally:
        kill(server)
    assert (ended["status"], ended["pass_count"]) == ("passed", SAMPLES)
    assert item["promoted_version_id"] == "say@v2"
    assert rows(data_dir, "SELECT count(*), sum(completed) FROM batch") == [(1, 2 * SAMPLES)]
    calls = rows(data_dir, "SELECT count(*) FROM usage WHERE tool = 'chat'")
    assert calls == [(SAMPLES + 2 * SAMPLES,)]

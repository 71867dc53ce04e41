"""GET /v1/status and /v1/compute of a running server: what happens to its engine is told and kept."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2

from runtime.engine import EngineState
from server.admin import AdminClient
from tests.live import LiveServer, running

PATIENCE_S = 60
KEYS_ALONE = {"BATCHIN_X402": "false"}


def test_an_incident_is_told_while_it_lasts_and_kept_over_a_restart(tmp_path: Path) -> None:
    with running(tmp_path / "data", **KEYS_ALONE) as server:
        status = _status(server)
        assert (status["status"], status["incidents"]) == ("ok", [])
        engine = status["engines"][0]["id"]
        asyncio.run(AdminClient(server.data_dir).call("engines.stop", id=engine))
        told = _once(server, lambda status: bool(status["incidents"]))
        assert told["status"] in ("degraded", "unavailable")
        assert told["incidents"][0]["component"] == f"engine:{engine}"
        assert told["incidents"][0]["ended_at"] is None
        states = {one["id"]: one["state"] for one in told["engines"]}
        assert states[engine] in (EngineState.DRAINING, EngineState.STOPPED)
        with httpx2.Client(base_url=server.url, trust_env=False) as http:
            answer = http.get("/health")
        assert (answer.status_code, answer.json()["status"] != "ok") == (503, True)
        well = [one["id"] for one in answer.json()["engines"] if one["state"] == "ready"]
        assert engine not in well
        assert len(well) == len(states) - 1
    with running(tmp_path / "data", **KEYS_ALONE) as server:
        _once(server, lambda status: status["incidents"][0]["ended_at"] is not None)


def test_compute_is_this_machine_where_engines_are_local(live_server: LiveServer) -> None:
    with httpx2.Client(base_url=live_server.url, trust_env=False) as http:
        answer = http.get("/v1/compute")
    (row,) = answer.json()["data"]
    assert set(row) == {"kind", "count", "memory_gib", "lanes", "region"}
    assert (row["kind"], row["lanes"], row["region"]) == ("CPU", ["batch", "shared"], "local")
    assert answer.headers["access-control-allow-origin"] == "*"


def test_no_address_and_no_secret_is_told(live_server: LiveServer) -> None:
    with httpx2.Client(base_url=live_server.url, trust_env=False) as http:
        text = http.get("/v1/status").text + http.get("/v1/compute").text
    for secret in ("http://", "127.0.0.1", live_server.api_key, str(live_server.data_dir), "/tmp"):
        assert secret not in text


def _status(server: LiveServer) -> dict[str, Any]:
    with httpx2.Client(base_url=server.url, trust_env=False) as http:
        return dict(http.get("/v1/status").json())


def _once(server: LiveServer, true: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The status, once it is so."""
    deadline = time.monotonic() + PATIENCE_S
    while not true(status := _status(server)):
        assert time.monotonic() < deadline, status
        time.sleep(0.05)
    return status

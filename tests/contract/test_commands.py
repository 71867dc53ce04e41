"""The commands beside a running server: through its admin socket and over HTTP."""

import json
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from server.tables import DATABASE
from tests.live import LiveServer, running
from tests.watched import Watched


def batchin(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "server.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def asked(server: LiveServer, *arguments: str) -> Any:
    ended = batchin(*arguments, "--data-dir", str(server.data_dir), "--json")
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def embed(server: LiveServer, key: str) -> tuple[int, Any]:
    """Status and body of a paid call with a key."""
    request = urllib.request.Request(
        server.url + "/v1/embeddings",
        json.dumps({"model": "bge-m3", "input": "a text"}).encode(),
        {"authorization": f"Bearer {key}", "content-type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_a_key_made_beside_the_server_works_at_once_until_it_is_revoked(live_server: LiveServer) -> None:
    account = asked(live_server, "accounts", "create", "beside")
    made = asked(live_server, "keys", "create", account["id"])
    assert embed(live_server, made["key"])[0] == 402
    asked(live_server, "accounts", "credit", account["id"], "0.01")
    assert embed(live_server, made["key"])[0] == 200
    asked(live_server, "keys", "revoke", made["id"])
    assert embed(live_server, made["key"])[0] == 401


def test_a_monthly_budget_holds(live_server: LiveServer) -> None:
    account = asked(live_server, "accounts", "create", "thrifty")
    asked(live_server, "accounts", "credit", account["id"], "1")
    budget = ("--budget-usd", "0.000000001")
    made = asked(live_server, "keys", "create", account["id"], *budget)
    assert embed(live_server, made["key"])[0] == 402


def test_a_second_server_on_the_data_dir_is_refused(live_server: LiveServer) -> None:
    ended = batchin("serve", "--data-dir", str(live_server.data_dir), "--port", "0")
    assert ended.returncode == 1
    assert f"is in use by batchin serve on {live_server.url}" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert asked(live_server, "accounts", "list")


def test_a_record_is_verified_by_its_id_and_from_a_file(live_server: LiveServer, tmp_path: Path) -> None:
    status, body = embed(live_server, live_server.api_key)
    assert status == 200
    record = body["vaas"]["record_id"]
    verdict = asked_verdict("verify", record, "--data-dir", str(live_server.data_dir), "--json")
    assert verdict["record_id"] == record
    with urllib.request.urlopen(f"{live_server.url}/v1/vaas/{record}/bundle", timeout=60) as response:
        (tmp_path / "bundle.json").write_bytes(response.read())
    again = asked_verdict("verify", str(tmp_path / "bundle.json"), "--url", live_server.url, "--json")
    assert again["valid"] is True


def test_who_keeps_checkpoints_finds_a_log_that_was_rolled_back(
    live_server: LiveServer, tmp_path: Path
) -> None:
    record = embed(live_server, live_server.api_key)[1]["vaas"]["record_id"]
    seen = tmp_path / "seen.json"
    asked = (
        "verify",
        record,
        "--data-dir",
        str(live_server.data_dir),
        "--checkpoints",
        str(seen),
        "--json",
    )
    deadline = time.monotonic() + 60
    while batchin(*asked).returncode == 2:
        assert time.monotonic() < deadline, "no place in the log within a minute"
    for _ in range(2):
        ended = batchin(*asked)
        names = {check["name"]: check["result"] for check in json.loads(ended.stdout)["checks"]}
        assert (ended.returncode, names["log.consistency"], names["log.head"]) == (0, "pass", "pass")
    [(origin, note)] = json.loads(seen.read_bytes())["checkpoints"].items()
    size = note.split("\n")[1]
    longer = note.replace(f"\n{size}\n", f"\n{int(size) + 1000}\n")
    seen.write_text(json.dumps({"checkpoints": {origin: longer}}))
    ended = batchin(*asked)
    checks = {check["name"]: check for check in json.loads(ended.stdout)["checks"]}
    assert (ended.returncode, checks["log.head"]["result"]) == (1, "fail")
    assert "rolled back" in checks["log.head"]["detail"]
    assert checks["log.consistency"]["result"] == "skipped"  # nobody can prove it


def asked_verdict(*arguments: str) -> Any:
    """Incomplete while the record waits for its place in the log; never failed."""
    ended = batchin(*arguments)
    assert ended.returncode in (0, 2), ended.stdout + ended.stderr
    return json.loads(ended.stdout)


def test_an_unknown_record_and_its_server_are_named(live_server: LiveServer) -> None:
    record = "vaas_" + "0" * 32
    ended = batchin("verify", record, "--data-dir", str(live_server.data_dir))
    assert ended.returncode == 1
    assert live_server.url in ended.stderr


@pytest.mark.parametrize("by_url", [True, False])
def test_the_models_with_their_prices(live_server: LiveServer, by_url: bool) -> None:
    named = (live_server.url,) if by_url else ()
    catalog = asked(live_server, "models", *named)
    assert {"chat", "embedding"} <= {model["modality"] for model in catalog["data"]}
    shown = batchin("models", live_server.url)
    assert all(model["id"] in shown.stdout for model in catalog["data"])


def test_the_doctor_finds_nothing_wrong(live_server: LiveServer) -> None:
    findings = asked(live_server, "doctor")
    assert [finding for finding in findings if finding["state"] == "trouble"] == []
    unseen = {finding["seen"] for finding in findings if finding["state"] == "skipped"}
    assert unseen <= {"503 engine_not_configured", "engine_not_configured"}
    what = " ".join(finding["what"] for finding in findings)
    for claim in ("/health", "/openapi.json", "/llms.txt", "MCP", "POST /v1/chat/completions"):
        assert claim in what


def test_the_doctor_finds_that_nobody_is_there(tmp_path: Path) -> None:
    ended = batchin("doctor", "http://127.0.0.1:9", "--data-dir", str(tmp_path))
    assert ended.returncode == 1
    assert "trouble" in ended.stdout


def test_the_audit_proves_the_books_and_fails_where_they_differ(tmp_path: Path) -> None:
    with running(tmp_path / "data", "--engine", "none") as server:
        told = asked(server, "ledger", "audit")
        assert (told["balanced"], told["differences"], told["chain_asked"]) == (True, [], True)
        assert told["total_nano_usd"] == 0
        assert told["system_accounts"]["funding"] == -told["accounts"][0]["balance_nano_usd"] < 0
        assert Watched(server).metrics()["batchin_books_differences"] == 0
    with closing(sqlite3.connect(tmp_path / "data" / DATABASE)) as connection:
        connection.execute("UPDATE account SET posted = posted + 5")
        connection.commit()
    ended = batchin("ledger", "audit", "--data-dir", str(tmp_path / "data"))
    assert ended.returncode == 1
    assert "DIFFERS: posted of" in ended.stdout
    with running(tmp_path / "data", "--engine", "none") as server:
        watched = Watched(server)
        watched.eventually(
            "the metric tells", lambda: watched.metrics()["batchin_books_differences"] == 1
        )
        told = "the books differ: posted of"
        watched.eventually("the log tells", lambda: told in watched.log.read_text())

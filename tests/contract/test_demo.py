"""The demo against a real server, as a user runs it: every step held, and nothing is left behind."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from server.admin import AdminClient
from storage.lock import DataDirLock
from tests.live import LiveServer

STEPS = (
    "A server",
    "An agent connects and looks around",
    "It has a new wallet and is given pocket money",
    "It asks without a key and without paying",
    "It signs, pays and is answered",
    "Who paid what to whom",
    "The receipt, checked offline",
    "It spends what is left",
    "A person gets an API key",
    "The official openai SDK, same capability",
    "The same, streamed",
    "Three sentences, embedded",
    "The person's books",
)


def demo(data_dir: Path, **env: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "server.cli", "demo", "--data-dir", str(data_dir)]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "80", **env},
        timeout=110,
        check=False,
    )


def ask(data_dir: Path, operation: str) -> Any:
    return asyncio.run(AdminClient(data_dir).call(operation))


@pytest.fixture(scope="module")
def told(live_server: LiveServer) -> "subprocess.CompletedProcess[str]":
    return demo(live_server.data_dir)


def test_every_step_holds_with_a_running_server(
    live_server: LiveServer, told: "subprocess.CompletedProcess[str]"
) -> None:
    assert told.returncode == 0, told.stdout + told.stderr
    assert told.stderr == ""
    assert live_server.url in told.stdout
    places = [told.stdout.find(f"{number:>2} {title}\n") for number, title in enumerate(STEPS, 1)]
    assert -1 not in places
    assert places == sorted(places)
    assert "✗" not in told.stdout
    assert f"All {len(STEPS)} steps held" in told.stdout


def test_the_transcript_is_for_people_and_80_columns(
    told: "subprocess.CompletedProcess[str]",
) -> None:
    assert "\x1b" not in told.stdout
    assert max(len(line) for line in told.stdout.splitlines()) <= 80
    assert "The capital of France" in told.stdout


def test_it_leaves_the_server_running_and_no_key_behind(
    live_server: LiveServer, told: "subprocess.CompletedProcess[str]"
) -> None:
    assert told.returncode == 0
    assert live_server.process.poll() is None
    visitor = [key for key in ask(live_server.data_dir, "keys.list") if key["name"] == "demo visitor"]
    assert visitor
    assert {key["state"] for key in visitor} == {"revoked"}


def test_without_a_server_it_starts_its_own_and_stops_it(tmp_path: Path) -> None:
    told = demo(tmp_path / "data")
    assert told.returncode == 0, told.stdout + told.stderr
    assert "(stopped at the end)" in told.stdout
    assert re.search(r"^ +batchin_api_[A-Za-z0-9_-]{43}$", told.stdout, re.MULTILINE)
    assert (tmp_path / "data" / "batchin.db").exists()
    assert not (tmp_path / "data" / "admin.sock").exists()
    again = subprocess.run(
        [sys.executable, "-m", "server.cli", "keys", "list", "--data-dir", str(tmp_path / "data")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "demo visitor" in again.stdout


def test_a_step_that_can_not_hold_is_named_and_fails_the_demo(tmp_path: Path) -> None:
    told = demo(tmp_path / "data", BATCHIN_ENGINE="none")
    assert told.returncode == 1
    assert "Step 2 (An agent connects and looks around) failed:" in told.stdout
    assert "Traceback" not in told.stdout + told.stderr
    assert not (tmp_path / "data" / "admin.sock").exists()


def test_a_server_that_does_not_start_is_told_with_its_last_words(tmp_path: Path) -> None:
    with DataDirLock(tmp_path / "data", "a batchin command"):
        told = demo(tmp_path / "data")
    assert told.returncode == 1
    assert "Step 1 (A server) failed:" in told.stdout
    assert "is in use by a batchin command" in " ".join(told.stdout.split())
    assert "Traceback" not in told.stdout + told.stderr
    assert "File " not in told.stdout

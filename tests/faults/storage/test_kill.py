"""kill -9 amid grouped commits: what was acknowledged stays, and no commit stays by halves."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from tests.stores import create_schema
from tests.unit.storage.purses import TABLES

ROOT = Path(__file__).parents[3]
KILLS = int(os.environ.get("BATCHIN_TEST_KILLS", "8"))


def _killed_after(folder: Path, first: int, lines: int) -> set[int]:
    """The numbers that the child acknowledged until it was killed."""
    command = [sys.executable, "-m", "tests.faults.storage.commits", str(folder), str(first)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as child:
        assert child.stdout is not None
        told = [child.stdout.readline() for _ in range(lines)]
        child.send_signal(signal.SIGKILL)
        told += child.stdout.readlines()
    assert child.returncode == -signal.SIGKILL
    return {int(line) for line in told if line.endswith("\n")}


def test_a_killed_process_loses_no_acknowledged_commit(tmp_path: Path) -> None:
    create_schema(tmp_path / "batchin.db", TABLES)
    acknowledged: set[int] = set()
    for kill in range(KILLS):
        acknowledged |= _killed_after(tmp_path, kill * 1_000_000, 1 + 41 * kill)
        with closing(sqlite3.connect(tmp_path / "batchin.db")) as connection:
            kept = {int(name) for (name,) in connection.execute("SELECT id FROM note")}
            purses = dict(connection.execute("SELECT id, coins FROM purse"))
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert acknowledged <= kept
        assert purses["all"] == len(kept)
    assert len(acknowledged) > 41 * KILLS


def test_a_process_that_fails_with_an_open_store_ends(tmp_path: Path) -> None:
    create_schema(tmp_path / "batchin.db")
    code = (
        "import asyncio, pathlib, sys; from storage.sqlite import open_store\n"
        "async def main():\n"
        "    await open_store(pathlib.Path(sys.argv[1]), ())\n"
        "    raise SystemExit(7)\n"
        "asyncio.run(main())"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "batchin.db")]
    assert subprocess.run(command, timeout=60, check=False, cwd=ROOT).returncode == 7

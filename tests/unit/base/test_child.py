"""Children: ready when they say so, restarted when they die, gone when we are."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from base.child import Child, ChildFailed, Program, start
from base.supervisor import Backoff, Supervisor

_CHILD = """
import os, sys, threading
from base.parent import attach

print("loading", file=sys.stderr)
parent = attach()
print("printed by a library")
behaviour = parent.request.get("behaviour", "serve")
if behaviour == "fail":
    sys.exit("the model file is broken")
if behaviour == "hang":
    threading.Event().wait()
parent.ready(
    pid=os.getpid(), cwd=os.getcwd(), path=sys.path, secret=os.environ.get("BATCHIN_DEMO_KEY"),
    echo=parent.request,
)
threading.Event().wait()
"""

_OWNER = """
import asyncio, sys, threading
from base.child import Program, start

async def main():
    child = await start(Program("a child", "child_of_test", env={"PYTHONPATH": sys.argv[1]}))
    print(child.pid, flush=True)
    threading.Event().wait()

asyncio.run(main())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "child_of_test.py").write_text(_CHILD)
    return tmp_path


def _program(folder: Path, ready_s: float = 20.0, **request: str) -> Program:
    env = {"PYTHONPATH": str(folder)}
    return Program("a child", "child_of_test", request=request, env=env, ready_s=ready_s)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] != "Z"


def _wait_gone(pid: int) -> None:
    deadline = time.monotonic() + 60
    while _lives(pid):
        assert time.monotonic() < deadline, f"{pid} still runs"
        time.sleep(0.01)


async def test_a_child_gets_its_request_and_none_of_our_secrets(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BATCHIN_DEMO_KEY", "secret")
    child = await start(_program(folder, word="héllo\n"))
    try:
        assert child.facts["pid"] == child.pid
        assert child.facts["echo"] == {"word": "héllo\n"}
        assert child.facts["cwd"] == "/"
        assert "" not in child.facts["path"]
        assert child.facts["secret"] is None
    finally:
        await child.stop()
    assert not _lives(child.pid)
    assert child.last_words().splitlines()[:2] == ["loading", "printed by a library"]


async def test_a_child_that_ends_early_is_an_error_with_its_last_words(folder: Path) -> None:
    with pytest.raises(ChildFailed, match=r"(?s)a child ended with status 1 .*the model file is broken"):
        await start(_program(folder, behaviour="fail"))


async def test_a_child_that_is_never_ready_is_killed(folder: Path) -> None:
    with pytest.raises(ChildFailed, match=r"not ready in 0\.5 s"):
        await start(_program(folder, ready_s=0.5, behaviour="hang"))


async def test_a_child_that_dies_is_started_again(folder: Path) -> None:
    changes: asyncio.Queue[Child | None] = asyncio.Queue()
    async with Supervisor(_program(folder), Backoff(first_s=0.01), changes.put_nowait) as supervisor:
        first = await changes.get()
        assert first is not None
        os.kill(first.pid, signal.SIGKILL)
        assert await changes.get() is None
        second = await changes.get()
        assert second is await supervisor.up()
        assert supervisor.restarts == 1
    assert await changes.get() is None
    assert second is not None
    assert not _lives(second.pid)


async def test_the_first_failure_is_raised(folder: Path) -> None:
    with pytest.raises(ChildFailed):
        async with Supervisor(_program(folder, behaviour="fail")):
            pass


def test_a_child_dies_with_its_parent(folder: Path) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    with owner.stdout:
        pid = int(owner.stdout.readline())
    assert _lives(pid)
    owner.kill()
    owner.wait()
    _wait_gone(pid)

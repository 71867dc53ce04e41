"""Starts and stops: what is kept, what is finished or cut, what is said when there can be no start."""

import asyncio
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import orjson
import pytest

from server.demo.wallet import fresh_wallet
from server.tables import DATABASE, TABLES
from settlement.chain.devnet import NETWORK, USDC
from settlement.chain.funding import fund
from settlement.ledger.books import audit
from storage.sqlite import open_store
from tests.faults.server.traffic import EMBED, Told, pay_once, sign_in
from tests.live import API_KEY, LiveServer, running, start
from tests.long_answer import LONG
from tests.watched import Watched

CHAT = "/v1/chat/completions"
STORY: dict[str, Any] = LONG | {"stream": True}
NO_X402 = {"BATCHIN_X402": "false"}


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


# --- what is kept


def test_a_restart_keeps_keys_credit_and_receipts(tmp_path: Path) -> None:
    wallet = fresh_wallet(NETWORK, USDC, 1_000_000)
    with running(tmp_path / "data") as server:
        watched = Watched(server)
        asyncio.run(fund(server.rpc_url, wallet.address, 1_000_000))
        made = watched.ask("keys.create", name="second")
        revoked = watched.ask("keys.create", name="third")
        watched.ask("keys.revoke", key_id=revoked["id"])
        told = Told()
        token = asyncio.run(
            pay_once(server, wallet, CHAT, STORY | {"stream": False, "max_tokens": 9}, told)
        )
        credit = asyncio.run(sign_in(server, wallet))
        (run_id,) = told.runs
        receipt = watched.http.get(f"/v1/vaas/{run_id}/receipt").json()
        public_key = watched.http.get("/v1/vaas/pubkey/current").json()["public_key"]
        before = watched.money()
    with running(tmp_path / "data") as server:
        watched = Watched(server)
        assert watched.money() == before
        assert watched.http.get("/v1/vaas/pubkey/current").json()["public_key"] == public_key
        assert watched.http.get(f"/v1/vaas/{run_id}/receipt").json() == receipt
        assert watched.http.get(f"/v1/vaas/{run_id}/verify").json()["valid"] is True
        known = ((API_KEY, 200), (made["key"], 200), (credit, 200), (token, 402), (revoked["key"], 401))
        for key, status in known:
            answer = watched.http.post("/v1/embeddings", json=EMBED, headers=bearer(key))
            assert answer.status_code == status, answer.text
        wallets = {n: m for n, m in before.accounts.items() if n.startswith("wallet:")}
        now = watched.money().accounts
        assert all(now[name][0] < money[0] for name, money in wallets.items())


# --- what is finished or cut


class Listener:
    """Reads a stream in a thread until it ends."""

    def __init__(self, server: LiveServer, body: dict[str, Any]) -> None:
        self.lines: list[str] = []
        self.run_id = ""
        self._server = server
        self._body = body
        self._thread = Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        with (
            httpx.Client(base_url=self._server.url, headers=bearer(API_KEY), timeout=60) as client,
            client.stream("POST", CHAT, json=self._body) as answer,
        ):
            self.run_id = answer.headers["x-batchin-run-id"]
            try:
                for line in answer.iter_lines():
                    self.lines += [line] if line else []
            except httpx.TransportError:
                return

    def wait_for(self, count: int) -> None:
        deadline = time.monotonic() + 60
        while len(self.lines) < count:
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def end(self) -> None:
        self._thread.join(60)
        assert not self._thread.is_alive()


async def _books(data_dir: Path) -> Any:
    store = await open_store(data_dir / DATABASE, TABLES)
    try:
        return await audit(store)
    finally:
        await store.close()


def usage_of(data_dir: Path, run_id: str) -> dict[str, Any]:
    """The booked run, in books that are in order."""
    books = asyncio.run(_books(data_dir))
    assert (books.faults, books.total_nano_usd, books.held_nano_usd) == ((), 0, 0)
    columns = ("status", "input_tokens", "output_tokens", "charged_nano_usd")
    with closing(sqlite3.connect(data_dir / DATABASE)) as connection:
        query = f"SELECT {', '.join(columns)} FROM usage WHERE run_id = ?"
        rows = list(connection.execute(query, (run_id,)))
    return dict(zip(columns, rows[0], strict=True)) if rows else {}


def test_a_stream_that_ends_in_time_is_finished(tmp_path: Path) -> None:
    with running(tmp_path / "data", **NO_X402) as server:
        listener = Listener(server, STORY | {"max_tokens": 40})
        listener.wait_for(5)
        server.process.terminate()
        _refuses_new_calls(server)
        listener.end()
        assert server.process.wait(60) == 0
    assert listener.lines[-1] == "data: [DONE]"
    assert usage_of(tmp_path / "data", listener.run_id)["status"] == "completed"


def _refuses_new_calls(server: LiveServer) -> None:
    """Told to stop, it soon takes no new connection."""
    deadline = time.monotonic() + 60
    while True:
        try:
            answer = httpx.get(server.url + "/readyz", timeout=5)
        except httpx.TransportError:
            return
        assert answer.status_code == 503 or time.monotonic() < deadline
        time.sleep(0.01)


def test_a_stream_that_takes_too_long_is_cut_and_charged(tmp_path: Path) -> None:
    with running(tmp_path / "data", **NO_X402, BATCHIN_DRAIN_S="1") as server:
        listener = Listener(server, STORY)
        listener.wait_for(5)
        server.process.terminate()
        assert server.process.wait(60) == 0
        listener.end()
    check_cut(tmp_path / "data", listener)


def test_a_second_sigterm_ends_at_once(tmp_path: Path) -> None:
    with running(tmp_path / "data", **NO_X402, BATCHIN_DRAIN_S="600") as server:
        listener = Listener(server, STORY)
        listener.wait_for(5)
        server.process.terminate()
        _refuses_new_calls(server)
        server.process.terminate()
        assert server.process.wait(60) == 0
        listener.end()
    check_cut(tmp_path / "data", listener)


def check_cut(data_dir: Path, listener: Listener) -> None:
    """What was delivered is charged, the record is there, and no hold is left."""
    assert listener.lines[-1] != "data: [DONE]"
    usage = usage_of(data_dir, listener.run_id)
    assert usage["status"] == "partial"
    assert 0 < usage["output_tokens"] < STORY["max_tokens"]
    assert usage["charged_nano_usd"] == usage["input_tokens"] * 20 + usage["output_tokens"] * 80


def test_nothing_of_a_server_is_left_behind(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        tasks = Path(f"/proc/{server.process.pid}/task").glob("*/children")
        children = [int(pid) for task in tasks for pid in task.read_text().split()]
        assert len(children) >= 2
    assert not [pid for pid in children if Path(f"/proc/{pid}/cmdline").exists()]
    assert not (tmp_path / "data" / "admin.sock").exists()


def test_its_children_die_with_a_server_that_is_killed(tmp_path: Path) -> None:
    server = start(tmp_path / "data")
    tasks = Path(f"/proc/{server.process.pid}/task").glob("*/children")
    children = [int(pid) for task in tasks for pid in task.read_text().split()]
    server.kill()
    deadline = time.monotonic() + 60
    while any(_lives(pid) for pid in children):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _lives(pid: int) -> bool:
    try:
        return " Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2][:3]
    except OSError:
        return False


# --- what it says when it can't start


def refused(data_dir: Path, *flags: str, status: int = 1) -> str:
    """A start that fails: what it says, in sentences and not in a traceback."""
    command = [sys.executable, "-m", "server.cli", "serve", "--data-dir", str(data_dir), *flags]
    ended = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env={**os.environ, **NO_X402, "COLUMNS": "400"},
        timeout=60,
        check=False,
    )
    assert ended.returncode == status, ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""
    return " ".join(ended.stderr.split())


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a server left behind."""
    data_dir = tmp_path_factory.mktemp("kept") / "data"
    with running(data_dir, "--engine", "none", **NO_X402):
        pass
    return data_dir


def copied(kept: Path, folder: Path) -> Path:
    """A copy to damage."""
    return shutil.copytree(kept, folder / "data")


@contextmanager
def listening() -> Iterator[int]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        yield int(sock.getsockname()[1])


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with running(tmp_path_factory.mktemp("idle") / "data", "--engine", "none", **NO_X402) as server:
        yield server


def test_a_data_dir_in_use_is_named_with_who_uses_it(idle: LiveServer) -> None:
    said = refused(idle.data_dir, "--port", "0")
    assert str(idle.data_dir) in said
    assert str(idle.process.pid) in said
    assert "--data-dir" in said
    assert httpx.get(idle.url + "/livez").status_code == 200


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with listening() as port:
        said = refused(tmp_path / "data", "--port", str(port), status=2)
    assert str(port) in said
    assert "--port" in said
    assert not (tmp_path / "data" / DATABASE).exists()


@pytest.mark.parametrize(
    "content", [b"this is no database" * 500, b"SQLite format 3\0" + b"\xff" * 8000]
)
def test_a_damaged_database_is_named_and_left_alone(tmp_path: Path, content: bytes) -> None:
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    (data_dir / DATABASE).write_bytes(content)
    said = refused(data_dir, "--port", "0", "--engine", "none")
    assert str(data_dir / DATABASE) in said
    assert (data_dir / DATABASE).read_bytes() == content


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    with closing(sqlite3.connect(data_dir / DATABASE)) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
        connection.commit()
    said = refused(data_dir, "--port", "0", "--engine", "none")
    assert str(data_dir / DATABASE) in said
    assert "not one of batchin" in said


def test_a_database_torn_in_the_middle_is_named(tmp_path: Path, kept: Path) -> None:
    data_dir = copied(kept, tmp_path)
    content = (data_dir / DATABASE).read_bytes()
    (data_dir / DATABASE).write_bytes(content[:4096] + b"\0" * 4096 + content[8192:])
    said = refused(data_dir, "--port", "0", "--engine", "none")
    assert str(data_dir / DATABASE) in said


def test_a_database_of_a_newer_version_is_refused(tmp_path: Path, kept: Path) -> None:
    data_dir = copied(kept, tmp_path)
    with closing(sqlite3.connect(data_dir / DATABASE)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    said = refused(data_dir, "--port", "0", "--engine", "none")
    assert "newer version" in said


@pytest.mark.parametrize("name", ["receipt.key", "log.key", "pepper"])
def test_a_key_file_that_is_none_is_named_and_never_replaced(
    tmp_path: Path, kept: Path, name: str
) -> None:
    data_dir = copied(kept, tmp_path)
    (data_dir / "keys" / name).write_text("no key\n")
    said = refused(data_dir, "--port", "0", "--engine", "none")
    assert name in said
    assert (data_dir / "keys" / name).read_text() == "no key\n"


def test_a_wrong_setting_is_named_with_what_is_allowed(tmp_path: Path) -> None:
    config = tmp_path / "batchin.toml"
    config.write_text('port = "many"\nsurprise = 1\n')
    command = [sys.executable, "-m", "server.cli", "serve", "--config", str(config)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode != 0
    assert "port" in ended.stderr
    assert "surprise" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_signal_while_it_starts_ends_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "server.cli", "serve", "--data-dir", str(tmp_path / "data")]
    process = subprocess.Popen([*command, "--port", "0"], stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not (tmp_path / "data" / DATABASE).exists():
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode in (0, -signal.SIGTERM), said
    assert b"Traceback" not in said


def test_the_log_of_a_whole_life_holds_no_secret(tmp_path: Path) -> None:
    with running(tmp_path / "data", BATCHIN_LOG_LEVEL="debug") as server:
        watched = Watched(server)
        wallet = fresh_wallet(NETWORK, USDC, 1_000_000)
        asyncio.run(fund(server.rpc_url, wallet.address, 1_000_000))
        body = EMBED | {"input": "canary-2718"}
        token = asyncio.run(pay_once(server, wallet, "/v1/embeddings", body, Told()))
        credit = asyncio.run(sign_in(server, wallet))
        key = watched.ask("keys.create", name="second")["key"]
        for secret in (key, token, credit, API_KEY):
            watched.http.post("/v1/embeddings", json=body, headers=bearer(secret))
        watched.http.post(CHAT, content=b'{"canary-2718', headers=bearer(API_KEY))
        keys = [path.read_text().strip() for path in (tmp_path / "data" / "keys").iterdir()]
    written = watched.log.read_bytes() + (tmp_path / "data" / DATABASE).read_bytes()
    for secret in ("canary-2718", key, token, credit, *keys):
        assert secret.encode() not in written
    assert API_KEY.encode() not in (tmp_path / "data" / DATABASE).read_bytes()
    lines = [line for line in watched.log.read_bytes().splitlines() if line.startswith(b"{")]
    assert all(orjson.loads(line)["message" if b'"message"' in line else "tool"] for line in lines)

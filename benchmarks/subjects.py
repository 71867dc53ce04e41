"""The processes under measurement: an instant engine and a server in front of it."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.instant_engine import MODEL
from server.admin import AdminClient

API_KEY = "batchin_api_" + "b" * 40
SERVER_CORE, LOAD_CORE = 0, 1
_START_S = 60
_TICKS_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Subject:
    """A running process that serves on ``port``; ``pid`` is the whole of it."""

    port: int
    pid: int

    def cpu_s(self) -> float:
        """User and system time so far (proc(5), stat fields 14 and 15)."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_S

    def memory_mb(self) -> float:
        """Resident memory (proc(5), statm)."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextmanager
def instant_engine(chunks: int) -> Iterator[int]:
    """The port of an engine whose answers have ``chunks`` events of text."""
    port = _free_port()
    command = [sys.executable, "-m", "benchmarks.instant_engine", str(port), str(chunks)]
    with _process(command, LOAD_CORE):
        _wait_listening(port)
        yield port


@asynccontextmanager
async def server(data_dir: Path, engine_port: int) -> AsyncIterator[Subject]:
    """A server as users run it: keys, limits, holds, durable captures and signed evidence are on."""
    config = data_dir.with_suffix(".toml")
    config.write_text(_CONFIG.format(port=engine_port, model=MODEL))
    env = {"BATCHIN_DEMO_KEY": API_KEY}
    command = [sys.executable, "-m", "server.cli", "serve", "--port", "0", "--config", str(config)]
    with _process([*command, "--data-dir", str(data_dir)], SERVER_CORE, **env) as process:
        info = await _wait_ready(data_dir, process)
        yield Subject(int(info["url"].rpartition(":")[2]), process.pid)


_CONFIG = """\
engine = "openai=http://127.0.0.1:{port}"
log_level = "warning"
x402 = false
demo_balance_usd = "1000000.00"
max_running = 4096
max_queued = 4096

[[models]]
id = "{model}"
modality = "chat"
"""


@contextmanager
def _process(command: list[str], core: int, **env: str) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, **env})
    try:
        if len(os.sched_getaffinity(0)) > 1:
            os.sched_setaffinity(process.pid, {core})
        yield process
    finally:
        process.terminate()
        process.wait(60)


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _wait_listening(port: int) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError("the engine did not start")


async def _wait_ready(data_dir: Path, process: "subprocess.Popen[bytes]") -> dict[str, str]:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            return await AdminClient(data_dir).info()
        except Exception:  # noqa: BLE001 - whatever it is, it is not ready yet
            await asyncio.sleep(0.02)
    raise RuntimeError("the server did not start")

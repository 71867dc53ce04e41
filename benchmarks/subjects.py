"""The processes under measurement: an instant engine, bare applications and a server in front of it."""

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
    """A running process that serves on ``port``; ``pid`` is the whole of it. ``start_s`` is how long it
    took from its command to its first answer."""

    name: str
    port: int
    pid: int
    start_s: float = 0.0

    def cpu_s(self) -> float:
        """User and system time so far (proc(5), stat fields 14 and 15)."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_S

    def memory_mb(self) -> float:
        """Resident memory (proc(5), statm)."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextmanager
def instant_engine(chunks: int) -> Iterator[Subject]:
    """An engine whose answers have ``chunks`` events of text."""
    with _listening("engine", LOAD_CORE, "benchmarks.instant_engine", "{port}", str(chunks)) as one:
        yield one


@contextmanager
def bare_memory() -> Iterator[Subject]:
    """A bare application that answers from memory."""
    with _listening("bare, memory", SERVER_CORE, "benchmarks.floor", "memory", "{port}") as one:
        yield one


@contextmanager
def bare_relay(engine: Subject) -> Iterator[Subject]:
    """A bare application in front of the engine."""
    arguments = ("benchmarks.floor", "relay", "{port}", str(engine.port))
    with _listening("bare, relay", SERVER_CORE, *arguments) as one:
        yield one


@contextmanager
def paced_engine(events: int, pace_s: float, size: int) -> Iterator[Subject]:
    """An engine whose answers have so many events of so many bytes, one each ``pace_s``."""
    asked = (str(events), str(pace_s), str(size))
    with _listening("engine", LOAD_CORE, "benchmarks.paced_engine", "{port}", *asked) as one:
        yield one


@asynccontextmanager
async def server(
    data_dir: Path,
    engine: Subject,
    running: int = 4096,
    queued: int = 4096,
    batch_running: int = 16,
) -> AsyncIterator[Subject]:
    """A server as users run it: keys, limits, holds, durable captures, signed evidence and a line in
    the log for each call. The log goes to a file beside ``data_dir``."""
    config = data_dir.with_suffix(".toml")
    config.write_text(
        _CONFIG.format(
            port=engine.port, model=MODEL, running=running, queued=queued, batch=batch_running
        )
    )
    env = {"BATCHIN_DEMO_KEY": API_KEY}
    command = [sys.executable, "-m", "server.cli", "serve", "--port", "0", "--config", str(config)]
    log = data_dir.with_suffix(".log")
    with launched([*command, "--data-dir", str(data_dir)], SERVER_CORE, log, **env) as process:
        started = time.monotonic()
        info = await _wait_ready(data_dir, process, log)
        start_s = time.monotonic() - started
        yield Subject("batchin", int(info["url"].rpartition(":")[2]), process.pid, start_s)


_CONFIG = """\
engine = "openai=http://127.0.0.1:{port}"
x402 = false
demo_balance_usd = "1000000.00"
max_running = {running}
max_queued = {queued}
batch_running = {batch}

[[models]]
id = "{model}"
modality = "chat"
"""


@contextmanager
def _listening(name: str, core: int, module: str, *arguments: str) -> Iterator[Subject]:
    port = free_port()
    command = [sys.executable, "-m", module, *(one.format(port=port) for one in arguments)]
    with launched(command, core, Path(os.devnull)) as process:
        _wait_listening(port)
        yield Subject(name, port, process.pid)


@contextmanager
def launched(
    command: list[str], core: int, log: Path, **env: str
) -> Iterator["subprocess.Popen[bytes]"]:
    """A process on one core, where there are several; terminated at the end."""
    with log.open("ab") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env={**os.environ, **env})
    try:
        if len(os.sched_getaffinity(0)) > 1:
            os.sched_setaffinity(process.pid, {core})
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(30)


def free_port() -> int:
    """A port of loopback that nobody listens on."""
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
    raise RuntimeError(f"nothing listens on port {port}")


async def _wait_ready(data_dir: Path, process: "subprocess.Popen[bytes]", log: Path) -> dict[str, str]:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            return await AdminClient(data_dir).info()
        except Exception:  # noqa: BLE001 - whatever it is, it is not ready yet
            await asyncio.sleep(0.02)
    raise RuntimeError(f"the server did not start; {log} says why")

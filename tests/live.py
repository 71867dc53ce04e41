"""A real server in a child process, for tests that talk to it as its users do."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from server.admin import AdminClient

API_KEY = "batchin_api_" + "t" * 40
START_S = 60


@dataclass(frozen=True, slots=True)
class LiveServer:
    """Where a running server is found, and its process."""

    url: str
    api_key: str
    rpc_url: str
    data_dir: Path
    process: "subprocess.Popen[bytes]"

    def kill(self) -> None:
        """kill -9, as a power cut of the process."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def start(data_dir: Path, *flags: str, **env: str) -> LiveServer:
    """Start ``batchin serve`` and wait until it serves calls."""
    command = [sys.executable, "-m", "server.cli", "serve", "--data-dir", str(data_dir), "--port", "0"]
    with (data_dir.parent / f"{data_dir.name}.log").open("ab") as log:
        process = subprocess.Popen(
            [*command, *flags],
            stdout=log,
            stderr=log,
            env={**os.environ, "BATCHIN_DEMO_KEY": API_KEY, "BATCHIN_PROOF_RPM": "1000000", **env},
        )
    info = _wait_ready(data_dir, process, Path(log.name))
    return LiveServer(info["url"], API_KEY, info["rpc_url"], data_dir, process)


def stop(server: LiveServer) -> int:
    """SIGTERM and wait; returns the exit status."""
    server.process.terminate()
    return server.process.wait(60)


@contextmanager
def running(data_dir: Path, *flags: str, **env: str) -> Iterator[LiveServer]:
    server = start(data_dir, *flags, **env)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            stop(server)


def _wait_ready(data_dir: Path, process: "subprocess.Popen[bytes]", log: Path) -> dict[str, str]:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}:\n{log.read_text()[-4000:]}")
        try:
            return asyncio.run(AdminClient(data_dir).info())
        except Exception:  # noqa: BLE001 - whatever it is, it is not ready yet
            time.sleep(0.05)
    process.kill()
    raise RuntimeError(f"the server was not ready in {START_S} s:\n{log.read_text()[-4000:]}")

"""Two replicas of one model as processes that can be killed, and a server in front of them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.live import LiveServer, free_port, running
from tests.watched import Watched

MODEL = "tiny-qwen3"
INPUT_NANO, OUTPUT_NANO = 20, 80  # of one token, at the default prices
PATIENCE_S = 60


@dataclass
class Replica:
    """A server shaped like SGLang in a process of its own. ``command`` starts it on ``port``."""

    port: int
    command: Sequence[str]
    patience_s: float = PATIENCE_S
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.launch()
        self.wait_up()

    def launch(self) -> None:
        self.process = subprocess.Popen(
            self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )

    def wait_up(self) -> None:
        deadline = time.monotonic() + self.patience_s
        while not self.is_up():
            assert self.process is not None
            assert self.process.poll() is None, "the replica ended"
            assert time.monotonic() < deadline, "the replica did not come up"
            time.sleep(0.02)

    def is_up(self) -> bool:
        try:
            return httpx.get(f"{self.url}/ready", trust_env=False, timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def running(self) -> int:
        """Calls that it has in hand."""
        loads = httpx.get(f"{self.url}/v1/loads", trust_env=False, timeout=5).json()["loads"]
        return sum(row["num_running_reqs"] for row in loads)

    def signal(self, number: int) -> None:
        """To the process and all that it started."""
        assert self.process is not None
        os.killpg(self.process.pid, number)

    def kill(self) -> None:
        if self.process is not None:
            self.signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It holds its connections and says nothing."""
        self.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.signal(signal.SIGCONT)


@contextmanager
def served_by(folder: Path, replicas: tuple[Replica, ...], **settings: str) -> Iterator[LiveServer]:
    """A server in front of these, which are started and, at the end, killed."""
    urls = ",".join(replica.url for replica in replicas)
    env = {
        "BATCHIN_X402": "false",
        "BATCHIN_ENGINE": f"sglang={urls}",
        "BATCHIN_MODELS": f'[{{"id": "{MODEL}", "modality": "chat", "context_length": 2048}}]',
        **settings,
    }
    with ExitStack() as stack:
        for replica in replicas:
            stack.callback(replica.kill)
            replica.launch()
        for replica in replicas:
            replica.wait_up()
        yield stack.enter_context(running(folder / "data", **env))


@dataclass(frozen=True, slots=True)
class Fleet:
    """A server and the two replicas behind it."""

    watched: Watched
    one: Replica
    other: Replica


@contextmanager
def fleet(folder: Path, tick_s: float, **settings: str) -> Iterator[Fleet]:
    """Two fake replicas."""
    one, other = fake(tick_s), fake(tick_s)
    with served_by(folder, (one, other), **settings) as server:
        yield Fleet(Watched(server), one, other)


def fake(tick_s: float) -> Replica:
    port = free_port()
    options = ("--tick-s", str(tick_s), "--running", "256", "--queue", "256")
    return Replica(port, (sys.executable, "-m", "tests.fake_sglang", str(port), *options))

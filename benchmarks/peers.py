"""Other gateways, for comparison: each from its public package, in an environment of its own.

They are run as their documentation shows, with one worker process, in front of the same engine. Nothing
of them is imported by the project.
"""

import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from benchmarks.instant_engine import MODEL
from benchmarks.subjects import API_KEY, SERVER_CORE, Subject, free_port, launched

HOME: Final = Path(".cache/bench")
_ENVIRONMENT: Final = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MASTER_KEY": API_KEY}
_START_S: Final = 240  # LiteLLM imports for half a minute where the machine has other work
_ASKED: Final = orjson.dumps({"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]})


@dataclass(frozen=True, slots=True)
class Peer:
    """``package`` is what pip installs; ``command`` starts it: its environment's bin folder, a folder
    for its files, its port and the engine's."""

    name: str
    package: str
    command: Callable[[Path, Path, int, int], list[str]]


def _litellm(binaries: Path, folder: Path, port: int, engine_port: int) -> list[str]:
    config = folder / "litellm.yaml"
    config.write_text(
        f"""\
model_list:
  - model_name: {MODEL}
    litellm_params:
      model: openai/{MODEL}
      api_base: http://127.0.0.1:{engine_port}/v1
      api_key: none
"""
    )
    where = ["--host", "127.0.0.1", "--port", str(port)]
    return [f"{binaries}/litellm", "--config", str(config), "--telemetry", "False", *where]


def _sglang_router(binaries: Path, _: Path, port: int, engine_port: int) -> list[str]:
    return [f"{binaries}/python", "-m", "sglang_router.launch_router", *_routed(port, engine_port)]


def _smg(binaries: Path, _: Path, port: int, engine_port: int) -> list[str]:
    return [f"{binaries}/smg", "launch", *_routed(port, engine_port)]


def _routed(port: int, engine_port: int) -> list[str]:
    engine = ["--worker-urls", f"http://127.0.0.1:{engine_port}"]
    metrics = ["--prometheus-port", str(free_port())]
    return ["--host", "127.0.0.1", "--port", str(port), *engine, *metrics, "--log-level", "warn"]


PEERS: Final = (
    Peer("LiteLLM", "litellm[proxy]==1.108.7", _litellm),
    Peer("sglang-router", "sglang-router==0.3.2", _sglang_router),
    Peer("smg", "smg==1.13.0", _smg),
)
RUST: Final = ("sglang-router", "smg")


def installed(peer: Peer) -> Path:
    """The bin folder of the peer's environment, made at first use."""
    home = HOME.absolute() / peer.package.replace("[proxy]", "")
    ready = home / "ready"
    if not ready.exists():
        python = home / "bin" / "python"
        subprocess.run([sys.executable, "-m", "venv", "--clear", "--without-pip", str(home)], check=True)
        uv = Path(sys.executable).with_name("uv")
        command = [str(uv), "pip", "install", "--quiet", "--python", str(python), peer.package]
        subprocess.run(command, check=True)
        ready.touch()
    return home / "bin"


@contextmanager
def serving(peer: Peer, folder: Path, engine: Subject) -> Iterator[Subject]:
    """The peer in front of the engine, on the core of the server under measurement."""
    binaries, port = installed(peer), free_port()
    log = folder / f"{peer.name}.log"
    command = peer.command(binaries, folder, port, engine.port)
    started = time.monotonic()
    with launched(command, SERVER_CORE, log, **_ENVIRONMENT) as process:
        _wait_answer(port, process, log)
        yield Subject(peer.name, port, process.pid, time.monotonic() - started)


def _wait_answer(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    url = f"http://127.0.0.1:{port}/v1/chat/completions"
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and process.poll() is None:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {API_KEY}"}
        asked = urllib.request.Request(url, _ASKED, headers)
        try:
            with urllib.request.urlopen(asked, timeout=10) as answer:
                answer.read()
                return
        except (OSError, urllib.error.URLError):
            time.sleep(0.1)
    tail = log.read_text(errors="replace")[-400:]
    raise RuntimeError(f"no answer from {process.args!r}: {tail}")

"""The official conformance suite against the door, in both eras, with one worker and with two."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from tests.contract.mcp.conformance.proxy import round_robin
from tests.live import LiveServer, free_port
from tests.node import installed, node, run

ROOT = Path(__file__).parents[4]
BASELINE = Path(__file__).parents[2] / "mcp-2025-11-25.yml"
SUITE = "@modelcontextprotocol/conformance@0.2.0-alpha.12"
INSPECTOR = "@modelcontextprotocol/inspector@2.12.0"
START_S = 30

pytestmark = pytest.mark.conformance


@dataclass(frozen=True, slots=True)
class Figures:
    """How many checks of a run ended how, and those that failed."""

    counts: Counter[str]
    failed: set[str]

    @classmethod
    def read(cls, folder: Path) -> "Figures":
        counts: Counter[str] = Counter()
        failed = set()
        for file in folder.rglob("checks.json"):
            scenario = file.parent.name.removeprefix("server-").rpartition("-2026-")[0]
            for check in json.loads(file.read_text()):
                counts[check["status"]] += 1
                if check["status"] in ("FAILURE", "WARNING"):
                    failed.add(f"{scenario}: {check['id']}: {check.get('errorMessage')}")
        return cls(counts, failed)


@asynccontextmanager
async def worker(folder: Path) -> AsyncIterator[int]:
    port = free_port()
    module = "tests.contract.mcp.conformance.serve"
    with (folder / f"{port}.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, str(port), str(folder), cwd=ROOT, stdout=log, stderr=log
        )
    try:
        await _answers(port, process, folder)
        yield port
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _answers(port: int, process: asyncio.subprocess.Process, folder: Path) -> None:
    async with asyncio.timeout(START_S), httpx2.AsyncClient(trust_env=False) as http:
        while True:
            assert process.returncode is None, (folder / f"{port}.log").read_text()
            try:
                await http.get(f"http://127.0.0.1:{port}/v1/mcp")
            except httpx2.TransportError:
                await asyncio.sleep(0.05)
            else:
                return


@asynccontextmanager
async def served(workers: int, folder: Path) -> AsyncIterator[str]:
    """The URL of as many workers as asked for, behind one port."""
    async with AsyncExitStack() as stack:
        ports = [await stack.enter_async_context(worker(folder)) for _ in range(workers)]
        port = ports[0] if workers == 1 else await stack.enter_async_context(round_robin(ports))
        yield f"http://127.0.0.1:{port}/v1/mcp"


async def conformance(url: str, revision: str, folder: Path, *flags: str) -> Figures:
    suite = await installed(SUITE) / "node_modules/@modelcontextprotocol/conformance/dist/index.js"
    command = (str(suite), "server", "--url", url, "--requirements", revision, "-o", str(folder))
    await run(await node(), *command, *flags, cwd=folder.parent)
    return Figures.read(folder)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("workers", [1, 2])
async def test_the_current_revision_whole(workers: int, tmp_path: Path) -> None:
    async with served(workers, tmp_path) as url:
        figures = await conformance(url, "2026-07-28", tmp_path / "out")
    print(f"\n2026-07-28, {workers} workers: {dict(figures.counts)}")
    assert figures.failed == set()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("workers", [1, 2])
async def test_the_handshake_era_but_for_what_needs_a_session(workers: int, tmp_path: Path) -> None:
    flags = ("--expected-failures", str(BASELINE))
    async with served(workers, tmp_path) as url:
        figures = await conformance(url, "2025-11-25", tmp_path / "out", *flags)
    print(f"\n2025-11-25, {workers} workers: {dict(figures.counts)}")
    assert figures.counts["SUCCESS"] >= 62


@pytest.mark.timeout(600)
async def test_inspector_finds_nothing_wrong_with_the_real_tools(live_server: LiveServer) -> None:
    packages = await installed(INSPECTOR) / "node_modules/@modelcontextprotocol/inspector"
    program = packages / "clients/launcher/build/index.js"
    flags = ("--transport", "http", "--method", "tools/list", "--strict")
    url = f"{live_server.url}/v1/mcp"
    out = await run(await node(), str(program), "--cli", url, *flags, cwd=packages)
    assert {"chat", "embed", "verify"} <= {tool["name"] for tool in json.loads(out)["tools"]}

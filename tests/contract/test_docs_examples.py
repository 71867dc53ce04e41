"""Every program that the documents show, run as it stands: the address and the credentials alone differ.

Blocks marked ``python`` or ``sh`` are programs; what is only to be read is marked otherwise.
"""

import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from openai import OpenAI

from tests.live import LiveServer

ROOT = Path(__file__).parents[2]
PAGES = (
    "README.md",
    "docs/quickstart.md",
    "docs/audio.md",
    "docs/batches.md",
    "docs/images.md",
    "docs/payments.md",
    "docs/receipts.md",
    "docs/operations.md",
)
SHOWN_BASES = ("http://127.0.0.1:8402", "https://api.batchin.tech")
TIMEOUT_S = 110


@dataclass(frozen=True)
class Program:
    """A program of a page; ``line`` is where it stands."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def programs(page: str, text: str) -> Iterator[Program]:
    for block in re.finditer(r"^```(python|sh)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        yield Program(page, text[: block.start()].count("\n") + 1, block[1], block[2])


SHOWN = [
    program
    for page in PAGES
    if (ROOT / page).exists()
    for program in programs(page, (ROOT / page).read_text())
]


@dataclass(frozen=True)
class Reader:
    """Somebody who follows the documents against a running server."""

    url: str
    environment: dict[str, str]
    record_id: str
    folder: Path

    def run(self, program: Program) -> str:
        """Run a program, with a record id as its argument; returns what it printed."""
        text = program.text
        for base in SHOWN_BASES:
            text = text.replace(base, self.url)
        interpreter = [sys.executable] if program.language == "python" else ["bash", "-euo", "pipefail"]
        path = self.folder / f"program.{program.language}"
        path.write_text(text)
        done = subprocess.run(
            [*interpreter, str(path), self.record_id],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        assert done.returncode == 0, f"{program}\n{done.stdout}\n{done.stderr}"
        assert '"error":{' not in done.stdout.replace(" ", ""), f"{program}\n{done.stdout}"
        return done.stdout


@pytest.fixture(scope="session")
def wallet_key(live_server: LiveServer) -> str:
    made = subprocess.run(
        [sys.executable, ROOT / "examples/fund_dev_wallet.py", "--data-dir", live_server.data_dir],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
        cwd=ROOT,
    )
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


@pytest.fixture(scope="session")
def record_id(live_server: LiveServer) -> str:
    client = OpenAI(base_url=f"{live_server.url}/v1", api_key=live_server.api_key)
    raw = client.chat.completions.with_raw_response.create(
        model="qwen3-32b", messages=[{"role": "user", "content": "Hello"}], max_tokens=4
    )
    return str(raw.headers["x-vaas-record-id"])


@pytest.fixture
def reader(live_server: LiveServer, wallet_key: str, record_id: str, tmp_path: Path) -> Reader:
    environment = {
        **os.environ,
        "BATCHIN_API_KEY": live_server.api_key,
        "WALLET_KEY": wallet_key,
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }
    return Reader(live_server.url, environment, record_id, tmp_path)


@pytest.mark.parametrize("program", SHOWN, ids=str)
def test_a_program_of_the_pages_runs(reader: Reader, program: Program) -> None:
    assert reader.run(program).strip()


def test_the_programs_of_the_served_agents_page_run(reader: Reader) -> None:
    with urllib.request.urlopen(f"{reader.url}/agents.md", timeout=10) as answer:
        page = answer.read().decode()
    assert reader.url in page
    found = list(programs("/agents.md", page))
    printed = [reader.run(program) for program in found]
    assert [program.language for program in found] == ["python", "python", "python", "sh", "python"]
    mcp, http, sdk, curl, proof = printed
    assert "'chat'" in mcp
    assert re.search(r"paid in transaction: 0x[0-9a-f]{64}", mcp)
    assert re.search(r"on credit: .*'charged_nano_usd': [1-9]", mcp)
    assert re.search(r"paid in transaction: 0x[0-9a-f]{64}", http)
    assert re.search(r"dimensions: \d+", http)
    assert re.search(r"record: vaas_[0-9a-f]{32}", sdk)
    assert '"vaas_record_id"' in curl
    assert f"valid: {reader.record_id}" in proof

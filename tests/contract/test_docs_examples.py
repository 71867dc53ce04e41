"""Every program that the documents show, run as it stands: the address and the credentials alone differ.

Blocks marked ``python``, ``sh`` or ``ts`` are programs; what is only to be read is marked otherwise.
Those in TypeScript use nothing but JavaScript, so that every Node runs them.
"""

import ast
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

from tests.live import LiveServer, free_port, running
from tests.node import OPENAI_FOR_NODE, installed, node, run

ROOT = Path(__file__).parents[2]
PAGES = (
    "README.md",
    "docs/quickstart.md",
    "docs/tutorials.md",
    "docs/playbooks.md",
    "docs/audio.md",
    "docs/batches.md",
    "docs/images.md",
    "docs/payments.md",
    "docs/prompts.md",
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
    for block in re.finditer(r"^```(python|sh|ts)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        yield Program(page, text[: block.start()].count("\n") + 1, block[1], block[2])


ALL = [program for page in PAGES for program in programs(page, (ROOT / page).read_text())]
SHOWN = [program for program in ALL if program.language != "ts"]
IN_TYPESCRIPT = [program for program in ALL if program.language == "ts"]
COOKBOOK = sorted(path.name for path in (ROOT / "examples").glob("cookbook_*.py"))


@dataclass(frozen=True)
class Reader:
    """Somebody who follows the documents against a running server."""

    url: str
    environment: dict[str, str]
    record_id: str
    folder: Path

    def local(self, text: str) -> str:
        """The text with this server's address."""
        for base in SHOWN_BASES:
            text = text.replace(base, self.url)
        return text

    def run(self, program: Program) -> str:
        """Run a program, with a record id as its argument; returns what it printed."""
        text = self.local(program.text)
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
    with urllib.request.urlopen(f"{reader.url}/agents.md", timeout=60) as answer:
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


@pytest.mark.peers
@pytest.mark.parametrize("program", IN_TYPESCRIPT, ids=str)
async def test_a_typescript_program_of_the_pages_runs(reader: Reader, program: Program) -> None:
    (reader.folder / "program.mjs").write_text(reader.local(program.text))
    packages = await installed(OPENAI_FOR_NODE)
    (reader.folder / "node_modules").symlink_to(packages / "node_modules")
    printed = await run(await node(), "program.mjs", cwd=reader.folder, env=reader.environment)
    assert printed.strip()


def test_the_cookbook_tells_of_each_of_its_programs() -> None:
    page = (ROOT / "docs/cookbook.md").read_text()
    assert COOKBOOK
    assert all(f"(../examples/{name})" in page for name in COOKBOOK)


def test_an_audit_leaves_evidence_at_each_checkpoint(reader: Reader) -> None:
    printed = reader.run(recipe("cookbook_audit.py"))
    assert printed.count("valid: vaas_") == 4
    assert re.search(r"^input: vaas_\w+ 0\.3 \{'email': 1\} review$", printed, re.MULTILINE)
    assert re.search(r"^review: vaas_\w+ allow by reviewer$", printed, re.MULTILINE)


def test_a_prompt_that_is_no_better_is_rolled_back(reader: Reader) -> None:
    printed = reader.run(recipe("cookbook_rag.py"))
    scores = ast.literal_eval(re.findall(r"^scores: (.*)$", printed, re.MULTILINE)[0])
    live = "rag@v2" if scores["rag@v2"] > scores["rag@v1"] else "rag@v1"
    assert f"live: {live} on record as {live}" in printed
    assert re.search(r"^rag@v1 run_\w+ \d+ \+ \d+ tokens 0\.\d+ USD$", printed, re.MULTILINE)


def test_a_pipeline_ingests_each_document(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    env = {"BATCHIN_X402": "false", "BATCHIN_OUTBOUND_ALLOW": '["127.0.0.1/32"]'}
    with running(tmp_path_factory.mktemp("pipeline") / "data", "--engine", "local", **env) as server:
        port = str(free_port())
        callbacks = {"CALLBACK_PORT": port, "CALLBACK_URL": f"http://127.0.0.1:{port}/batches"}
        environment = {**os.environ, "BATCHIN_API_KEY": server.api_key, **callbacks}
        reader = Reader(server.url, environment, "40", tmp_path)
        printed = reader.run(recipe("cookbook_batch_pipeline.py"))
    assert "submitted: 3 batches" in printed
    assert printed.count("completed") == 3
    assert "documents: 40" in printed


def recipe(name: str) -> Program:
    return Program(name, 1, "python", (ROOT / "examples" / name).read_text())

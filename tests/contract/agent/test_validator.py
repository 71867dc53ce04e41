"""An independent validator, a process of its own, answers on chain what it found in a server's log."""

import asyncio
import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from server.admin import AdminClient
from settlement.chain.client import ChainClient
from settlement.chain.erc8004 import validation
from settlement.chain.erc8004.addresses import TESTNET
from settlement.chain.funding import fund_gas
from settlement.chain.keccak import keccak256
from settlement.chain.keys import file_signer
from tests.contract.agent.gas import told_gas
from tests.live import API_KEY, LiveServer, running

PATH = "/v1/vaas"
PROBE = {
    "path": PATH,
    "request": {"input_text": "2 + 2?", "output_text": "4", "model_id": "qwen3-32b"},
}


@dataclass
class House:
    server: LiveServer
    folder: Path
    address: str

    def operate(self, operation: str) -> Any:
        return asyncio.run(AdminClient(self.server.data_dir).call(operation))

    def call(self) -> None:
        headers = {"authorization": f"Bearer {API_KEY}"}
        httpx2.post(self.server.url + PATH, json=PROBE["request"], headers=headers).raise_for_status()

    def anchored(self) -> str:
        """The digest of a new anchor that is final."""
        before = self.operate("agent.status")["last_anchor"]
        deadline = time.monotonic() + 60
        while self.waiting():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        while True:
            last = self.operate("agent.anchor")["last_anchor"]
            if last and last["state"] == "final" and last != before:
                return str(last["digest"])
            assert time.monotonic() < deadline, self.operate("agent.status")
            time.sleep(0.2)

    def waiting(self) -> int:
        """Records that are not in the log yet."""
        with closing(sqlite3.connect(self.server.data_dir / "batchin.db", timeout=60)) as file:
            [(count,)] = file.execute("SELECT count(*) FROM log_queue")
            return int(count)

    def validate(self) -> str:
        probe = self.folder / "probe.json"
        probe.write_text(json.dumps(PROBE))
        command = [sys.executable, "-m", "server.cli", "validator", self.server.url, "--once"]
        flags = ["--rpc", self.server.rpc_url, "--folder", str(self.folder), "--probe", str(probe)]
        done = subprocess.run(
            [*command, *flags],
            env={"BATCHIN_API_KEY": API_KEY, "PATH": ""},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def status(self, digest: str) -> tuple[Any, ...]:
        async def ask() -> tuple[Any, ...]:
            async with ChainClient(lambda: self.server.rpc_url) as client:
                asked = validation.GET_VALIDATION_STATUS.call(bytes.fromhex(digest[2:]))
                answer = await client.call(TESTNET.validation, asked)
                return validation.GET_VALIDATION_STATUS.result(answer)

        return asyncio.run(ask())

    def gas(self) -> set[str]:
        async def told() -> set[str]:
            async with ChainClient(lambda: self.server.rpc_url) as client:
                return await told_gas(client, "the embedded chain")

        return asyncio.run(told())

    def report(self, digest: str) -> dict[str, Any]:
        raw = (self.folder / f"{digest}.json").read_bytes()
        assert keccak256(raw) == self.status(digest)[3]
        report: dict[str, Any] = json.loads(raw)
        return report


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    folder = tmp_path / "validator"
    folder.mkdir()
    signer = asyncio.run(file_signer(folder / "validator.key"))
    agent = {"anchor": "validation_registry", "validator": signer.address}
    with running(tmp_path / "data", BATCHIN_ENGINE="none", BATCHIN_AGENT=json.dumps(agent)) as server:
        asyncio.run(fund_gas(server.rpc_url, signer.address))
        made = House(server, folder, signer.address)
        made.operate("agent.register")
        yield made


def test_an_honest_server_gets_full_marks_and_a_rewritten_log_none(house: House) -> None:
    house.call()
    first = house.anchored()
    assert "100 in 0x" in house.validate()
    validator, _, score, _, tag, _ = house.status(first)
    assert (validator, score, tag) == (house.address, 100, "batchin/log")
    assert house.validate() == ""  # each request once

    second = house.anchored()  # holds the probes, four records of the validator's own calls
    house.validate()
    assert house.status(second)[2] == 100
    names = [check["name"].partition(".")[0] for check in house.report(second)["checks"]]
    assert names.count("record") == 4
    assert names.count("rerun") == 2

    house.call()
    third = house.anchored()
    with closing(sqlite3.connect(house.server.data_dir / "batchin.db", timeout=60)) as file, file:
        file.execute(
            "UPDATE log_entry SET payload_hash = ? WHERE leaf_index = "
            "(SELECT max(leaf_index) FROM log_entry)",
            (b"x" * 32,),
        )
    house.validate()
    assert house.status(third)[2] == 0
    failing = [check["name"] for check in house.report(third)["checks"] if check["valid"] is False]
    assert "log.root" in failing
    assert house.gas() > {"register", "validate", "validationResponse"}

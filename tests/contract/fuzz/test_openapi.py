"""The whole /openapi.json holds against generated requests, right and wrong ones, of two accounts."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.subjects import instant_engine
from tests.contract.fuzz.campaign import campaign
from tests.live import LiveServer, running

CASES = int(os.environ.get("BATCHIN_FUZZ_CASES", "0"))  # make test-api asks for them
LOCAL = os.environ.get("BATCHIN_FUZZ_ENGINE") == "local"
WITHIN_S = 240 + CASES // 15
# without x402 a call without a key is refused (401); with it, it is offered to be paid (402)
# and keys of requests are not rationed, so that what is behind them is reached
KEYS_ALONE = {"BATCHIN_X402": "false", "BATCHIN_IDEMPOTENT_RPM": "1000000"}
CHAT = {"id": "instant", "modality": "chat", "input_usd_per_mtok": "1", "aliases": ["qwen3-32b"]}


@contextmanager
def at_once(data_dir: Path) -> Iterator[LiveServer]:
    """A server whose chat answers at once; it has no other engine."""
    env = {**KEYS_ALONE, "BATCHIN_MODELS": json.dumps([CHAT])}
    with (
        instant_engine(2) as engine,
        running(data_dir, "--engine", f"openai=http://127.0.0.1:{engine.port}", **env) as server,
    ):
        yield server


@contextmanager
def models_of_the_cpu(data_dir: Path) -> Iterator[LiveServer]:
    """A server with every model of the local engine; who does not say how much gets a short answer."""
    env = {**KEYS_ALONE, "BATCHIN_MAX_OUTPUT_TOKENS": "16"}
    with running(data_dir, "--engine", "local", **env) as server:
        yield server


@pytest.mark.skipif(CASES > 0, reason="the larger campaign runs")
@pytest.mark.timeout(WITHIN_S + 90)
def test_no_generated_request_finds_a_fault(tmp_path: Path) -> None:
    with at_once(tmp_path / "data") as server:
        found = campaign(server, tmp_path, "examples,coverage,fuzzing", 1, WITHIN_S)
    assert found.status == 0, found.said
    tested, selected = found.operations
    assert tested == selected > 90
    assert found.cases > 2000


@pytest.mark.skipif(CASES == 0, reason="runs by make test-api")
@pytest.mark.timeout(WITHIN_S + 90)
def test_no_request_of_a_large_campaign_finds_a_fault(tmp_path: Path) -> None:
    """In every phase; with the models of the local engine where they are asked for."""
    with models_of_the_cpu(tmp_path / "data") if LOCAL else at_once(tmp_path / "data") as server:
        found = campaign(server, tmp_path, "examples,coverage,fuzzing,stateful", CASES // 100, WITHIN_S)
    print(f"{found.cases} cases over {found.operations[0]} operations\n{found.said[-600:]}")
    assert found.status == 0, found.said
    assert found.cases >= CASES

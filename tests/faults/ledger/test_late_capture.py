"""A disk that does not answer for a while: no answer leaves unpaid, none is charged twice."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import Any

import httpx
import pytest
from anyio.from_thread import start_blocking_portal

from server.tables import DATABASE
from tests.fake_sglang.kind import Kind
from tests.fake_sglang.server import serving
from tests.faults.pool.calls import CHAT
from tests.faults.pool.replicas import MODEL
from tests.live import running
from tests.watched import Watched


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with ExitStack() as stack:
        portal = stack.enter_context(start_blocking_portal())
        engine = stack.enter_context(portal.wrap_async_context_manager(serving(Kind())))
        env = {
            "BATCHIN_X402": "false",
            "BATCHIN_ENGINE": f"sglang={engine.url}",
            "BATCHIN_MODELS": f'[{{"id": "{MODEL}", "modality": "chat", "context_length": 2048}}]',
            "BATCHIN_CAPTURE_S": "0.3",
        }
        data = tmp_path_factory.mktemp("late") / "data"
        yield Watched(stack.enter_context(running(data, **env)))


def ask(watched: Watched) -> httpx.Response:
    body: dict[str, Any] = {
        "model": MODEL,
        "messages": [{"role": "user", "content": "hello"}],
        "max_tokens": 4,
    }
    headers = {"Authorization": f"Bearer {watched.server.api_key}", "Idempotency-Key": "late"}
    return watched.http.post(CHAT, json=body, headers=headers)


def test_an_answer_is_withheld_until_its_charge_is_durable(watched: Watched) -> None:
    before = watched.money()
    path = watched.server.data_dir / DATABASE
    with ThreadPoolExecutor(1) as pool:
        with closing(sqlite3.connect(path, isolation_level=None)) as disk:
            disk.execute("BEGIN IMMEDIATE")  # the server's writes wait for this one
            late = ask(watched)
            again = pool.submit(ask, watched)
            with pytest.raises(TimeoutError):
                again.result(0.2)
            disk.execute("ROLLBACK")
        told = again.result(60)
    assert (late.status_code, late.json()["error"]["code"]) == (503, "charge_unconfirmed")
    assert late.headers["x-should-retry"] == "false"
    assert told.status_code == 200
    assert told.headers["x-batchin-run-id"] == late.headers["x-batchin-run-id"]
    rows = watched.rows("SELECT run_id, status, charged_nano_usd FROM usage")
    assert [row[:2] for row in rows] == [(late.headers["x-batchin-run-id"], "completed")]
    after = watched.money()
    (paid,) = [name for name in after.accounts if after.accounts[name] != before.accounts[name]]
    assert before.accounts[paid][0] - after.accounts[paid][0] == rows[0][2]
    assert after.holds == 0

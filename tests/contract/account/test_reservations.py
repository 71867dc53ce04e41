"""Reserved lanes at a running server: an operator makes them, the account sees what is metered."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.operations import OperationFailed
from tests.contract.account.conftest import Member
from tests.fake_sglang.kind import Kind
from tests.fake_sglang.server import serving
from tests.live import LiveServer, start, stop
from tests.watched import Watched

PATIENCE_S = 60


def reserve(server: LiveServer, account_id: str, lane: str, **terms: Any) -> Any:
    asked = {"cards": 1, "nano_usd_per_card_hour": 10**8, **terms}
    return Watched(server).ask("lanes.reserve", account=account_id, lane=lane, **asked)


def test_an_account_sees_its_own_and_no_other(
    live_server: LiveServer, join: Callable[[], Member]
) -> None:
    mine, other = join(), join()
    lane = f"private:{mine.account_id}"
    reserve(live_server, mine.account_id, lane, cards=3)
    [shown] = mine.http.get("/v1/reservations").json()["data"]
    assert (shown["lane"], shown["cards"], shown["status"]) == (lane, 3, "active")
    assert (shown["usd_per_card_hour"], shown["held_usd"]) == ("0.10", "0.30")
    assert "account_id" not in shown
    assert mine.http.get("/v1/users/me").json()["held_usd"] == "0.30"
    assert other.http.get("/v1/reservations").json() == {"object": "list", "data": []}
    with pytest.raises(OperationFailed, match="reserved already"):
        reserve(live_server, other.account_id, lane)

    ended = Watched(live_server).ask("lanes.release", lane=lane)
    # no engine of this server takes that lane: nothing was ready, nothing is charged
    assert (ended["status"], ended["charged_usd"], ended["card_hours"]) == ("ended", "0.00", 0)
    assert mine.http.get("/v1/users/me").json()["held_usd"] == "0.00"
    assert mine.http.get("/v1/users/me").json()["credit_balance_usd"] == "1.00"


def test_an_hour_that_the_balance_does_not_pay_is_not_reserved(
    live_server: LiveServer, join: Callable[[], Member]
) -> None:
    mine = join()
    with pytest.raises(OperationFailed) as refused:
        reserve(live_server, mine.account_id, f"private:{mine.account_id}", cards=11)
    assert refused.value.said_code == "payment_required"


@asynccontextmanager
async def dedicated(folder: Path) -> AsyncIterator[LiveServer]:
    """A server with an engine that takes the calls of one private lane."""
    async with serving(Kind(model="own")) as engine:
        attached = {"kind": "sglang", "url": engine.url, "models": ["own"], "lanes": ["private:acme"]}
        env = {"BATCHIN_ENGINES": json.dumps([attached]), "BATCHIN_X402": "false"}
        server = await asyncio.to_thread(lambda: start(folder, **env))
        try:
            yield server
        finally:
            await asyncio.to_thread(stop, server)


async def test_cards_that_stand_ready_are_metered_and_charged(tmp_path: Path) -> None:
    async with dedicated(tmp_path / "data") as server:
        watched = Watched(server)
        [account] = [row for row in watched.ask("accounts.list") if row["kind"] == "account"]
        reserve(server, account["id"], "private:acme", cards=2, nano_usd_per_card_hour=10**9)
        headers = {"authorization": f"Bearer {server.api_key}"}
        deadline = time.monotonic() + PATIENCE_S
        async with httpx.AsyncClient(base_url=server.url, trust_env=False, headers=headers) as http:
            while True:
                [shown] = (await http.get("/v1/reservations")).json()["data"]
                if float(shown["due_usd"]) > 0:
                    break
                assert time.monotonic() < deadline, shown
        ended = watched.ask("lanes.release", lane="private:acme")
        assert float(ended["charged_usd"]) >= float(shown["due_usd"])
        [after] = [row for row in watched.ask("accounts.list") if row["id"] == account["id"]]
        charged = account["balance_nano_usd"] - after["balance_nano_usd"]
        assert charged == round(float(ended["charged_usd"]) * 10**9)
        assert after["held_nano_usd"] == 0
        assert watched.ask("ledger.audit")["balanced"] is True

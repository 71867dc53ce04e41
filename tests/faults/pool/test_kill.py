"""A replica dies under load: who was shown nothing is served by the other, the rest pay their part."""

import asyncio
from pathlib import Path

import pytest

from tests.faults.pool.calls import Clients, Told
from tests.faults.pool.load import Load, Outcome, killed_under_load
from tests.faults.pool.replicas import INPUT_NANO, OUTPUT_NANO, Replica, fleet
from tests.watched import Watched

LOAD = Load(streams=24, stream_tokens=150, whole=16, whole_tokens=60, later=24)


def usage_of(watched: Watched, run_id: str) -> tuple[str, int, int, int]:
    """Status, input and output tokens, charge."""
    columns = "status, input_tokens, output_tokens, charged_nano_usd"
    query = f"SELECT {columns} FROM usage WHERE run_id = ?"
    watched.eventually("the run is booked", lambda: watched.rows(query, run_id))
    (row,) = watched.rows(query, run_id)
    return row[0], int(row[1]), int(row[2]), int(row[3])


def check_broken(watched: Watched, told: Told) -> None:
    """An error event, a partial record that verifies, and a charge for what was delivered."""
    assert told.error is not None
    assert told.error["code"] == "engine_error"
    assert "partial" in told.error["resolution"]
    status, given, made, charged = usage_of(watched, told.run_id)
    assert status == "partial"
    assert made >= len(told.words) > 0
    assert charged == given * INPUT_NANO + made * OUTPUT_NANO
    evidence = watched.http.get(f"/v1/vaas/{told.run_id}/evidence").json()["payload"]
    assert evidence["status"] == "partial"
    assert watched.http.get(f"/v1/vaas/{told.run_id}/verify").json()["valid"] is True


def check_outcome(watched: Watched, outcome: Outcome) -> None:
    """Nobody who was shown nothing failed, some who were shown something broke, the books are right."""
    assert [told for told in outcome.unshown if told.status != 200 or not told.ended] == []
    assert 0 < len(outcome.broken) < len(outcome.begun)
    for told in outcome.broken:
        check_broken(watched, told)
    print(
        f"{len(outcome.begun)} streams had begun, {len(outcome.broken)} broke and are partial; "
        f"{len(outcome.unshown)} calls were shown nothing yet, 0 failed"
    )
    watched.eventually("no hold is left", lambda: watched.money().holds == 0)
    assert asyncio.run(watched.audit()).faults == ()


def test_a_replica_that_dies_fails_nobody_who_was_shown_nothing(tmp_path: Path) -> None:
    async def run(watched: Watched, dying: Replica) -> Outcome:
        async with Clients(watched.server) as clients:
            return await killed_under_load(clients, dying, LOAD, within_s=60)

    with fleet(tmp_path, tick_s=0.02) as behind:
        check_outcome(behind.watched, asyncio.run(run(behind.watched, behind.one)))


@pytest.mark.parametrize("freeze", [False, True])
def test_a_replica_comes_back(tmp_path: Path, freeze: bool) -> None:
    with fleet(tmp_path, tick_s=0.002, BATCHIN_SILENCE_S="0.5") as behind:
        watched, gone = behind.watched, behind.one

        def ready() -> int:
            return _states(watched).count("ready")

        if freeze:
            with gone.frozen():
                all_served(watched)
                watched.eventually("it is left", lambda: ready() == 1)
        else:
            gone.kill()
            all_served(watched)
            gone.start()
        watched.eventually("it is back", lambda: ready() == 2)
        all_served(watched)


def _states(watched: Watched) -> list[str]:
    return [engine["state"] for engine in watched.http.get("/readyz").json()["engines"]]


def all_served(watched: Watched) -> None:
    """Sixteen streams at once end whole."""

    async def run() -> list[Told]:
        calls = [Told() for _ in range(16)]
        async with Clients(watched.server) as clients:
            await asyncio.gather(*(clients.stream(8, told) for told in calls))
        return calls

    assert [told for told in asyncio.run(run()) if not told.ended] == []

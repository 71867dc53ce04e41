"""Two real SGLang servers behind one server of ours: one is killed under load."""

import asyncio
from pathlib import Path

import pytest

from tests.faults.pool.calls import Clients, Told, all_began
from tests.faults.pool.replicas import Replica, served_by
from tests.faults.pool.sglang import START_S, real_replica
from tests.faults.pool.test_kill import check_broken
from tests.watched import Watched

pytestmark = [pytest.mark.sglang, pytest.mark.timeout(2 * START_S)]

STREAMS = 16
WHOLE = 8
LATER = 8


async def under_load(watched: Watched, dying: Replica) -> tuple[list[Told], list[Told]]:
    """Streams that have begun and whole answers that have not, when the replica dies; then more."""
    streams = [Told() for _ in range(STREAMS)]
    whole = [Told() for _ in range(WHOLE)]
    later = [Told() for _ in range(LATER)]
    async with Clients(watched.server, temperature=0) as clients, asyncio.TaskGroup() as calls:
        for told in streams:
            calls.create_task(clients.stream(400, told))
        await all_began(streams, within_s=60)
        for told in whole:
            calls.create_task(clients.whole(200, told))
        await asyncio.to_thread(
            watched.eventually, "it has calls in hand", lambda: dying.running() > 0 and all_run(watched)
        )
        dying.kill()
        for told in later:
            calls.create_task(clients.stream(20, told))
    return streams, [*whole, *later]


def all_run(watched: Watched) -> bool:
    return watched.metrics()["batchin_holds"] == STREAMS + WHOLE


def test_a_real_replica_that_dies_fails_nobody_who_was_shown_nothing(tmp_path: Path) -> None:
    one, other = real_replica(), real_replica()
    with served_by(tmp_path, (one, other), BATCHIN_MAX_RUNNING="32") as server:
        watched = Watched(server)
        streams, unshown = asyncio.run(under_load(watched, one))
        assert [told for told in unshown if told.status != 200 or not told.ended] == []
        broken = [told for told in streams if not told.ended]
        assert 0 < len(broken) < STREAMS
        for told in broken:
            check_broken(watched, told)
        print(
            f"{STREAMS} streams had begun, {len(broken)} broke and are partial; "
            f"{len(unshown)} calls were shown nothing yet, 0 failed"
        )
        assert watched.money().holds == 0
        assert asyncio.run(watched.audit()).faults == ()

"""Two real SGLang servers behind one server of ours: one is killed under load."""

import asyncio
from pathlib import Path

import pytest

from tests.faults.pool.calls import Clients
from tests.faults.pool.load import Load, Outcome, killed_under_load
from tests.faults.pool.replicas import Replica, served_by
from tests.faults.pool.sglang import START_S, real_replica
from tests.faults.pool.test_kill import check_outcome
from tests.watched import Watched

pytestmark = [pytest.mark.sglang, pytest.mark.timeout(2 * START_S)]

LOAD = Load(streams=16, stream_tokens=400, whole=8, whole_tokens=200, later=8)


async def under_load(watched: Watched, dying: Replica) -> Outcome:
    async with Clients(watched.server, temperature=0) as clients:
        return await killed_under_load(clients, dying, LOAD, within_s=START_S / 2)


def test_a_real_replica_that_dies_fails_nobody_who_was_shown_nothing(tmp_path: Path) -> None:
    one, other = real_replica(), real_replica()
    with served_by(tmp_path, (one, other), BATCHIN_MAX_RUNNING="32") as server:
        watched = Watched(server)
        check_outcome(watched, asyncio.run(under_load(watched, one)))

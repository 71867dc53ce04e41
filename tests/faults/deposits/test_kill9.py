"""kill -9 before and after each commit of a deposit: credited once, taken back once, always.

``BATCHIN_TEST_PAYMENT_KILLS`` is how often each point is died at: once in the suite, 25 times by
``make test-payments``.
"""

import os
from pathlib import Path

from tests.chains import running_chain
from tests.faults.campaign import killed
from tests.faults.deposits.deposits import POINTS

KILLS = int(os.environ.get("BATCHIN_TEST_PAYMENT_KILLS", "1"))


def test_a_kill_at_each_commit_loses_and_doubles_no_deposit(tmp_path: Path) -> None:
    with running_chain(tmp_path / "chain") as chain:
        deaths = killed("tests.faults.deposits.deposits", chain, tmp_path, str(KILLS))
    assert deaths == dict.fromkeys(map(str, POINTS), KILLS)
    print(f"\n{len(POINTS) * KILLS} kills at {len(POINTS)} points: each deposit in the books once")

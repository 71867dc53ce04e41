"""kill -9 before and after each commit of a deposit: credited once, taken back once, always.

``BATCHIN_TEST_PAYMENT_KILLS`` is how often each point is died at: once in the suite, 25 times by
``make test-payments``.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.chains import running_chain
from tests.faults.deposits.deposits import POINTS

ROOT = Path(__file__).parents[3]
KILLS = int(os.environ.get("BATCHIN_TEST_PAYMENT_KILLS", "1"))


def test_a_kill_at_each_commit_loses_and_doubles_no_deposit(tmp_path: Path) -> None:
    (tmp_path / "books").mkdir()
    with running_chain(tmp_path / "chain") as chain:
        command = [sys.executable, "-m", "tests.faults.deposits.deposits", str(tmp_path / "books")]
        ended = subprocess.run(
            [*command, chain.rpc_url, chain.genesis, str(KILLS)],
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=False,
        )
    assert ended.returncode == 0, ended.stderr[-4000:]
    assert json.loads(ended.stdout) == dict.fromkeys(map(str, POINTS), KILLS)
    print(f"\n{len(POINTS) * KILLS} kills at {len(POINTS)} points: each deposit in the books once")

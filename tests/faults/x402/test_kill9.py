"""kill -9 of real processes at each point of a payment on a real chain: received == charged, always.

``BATCHIN_TEST_PAYMENT_KILLS`` is how often each point is died at: once in the suite, 25 times by
``make test-payments``.
"""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

from settlement.chain.funding import usdc_balance
from tests.chains import new_address, running_chain
from tests.faults.x402.payments import AFTER_RUN, BEFORE_RUN

ROOT = Path(__file__).parents[3]
KILLS = int(os.environ.get("BATCHIN_TEST_PAYMENT_KILLS", "1"))


def test_a_kill_at_each_point_loses_and_doubles_nothing(tmp_path: Path) -> None:
    pay_to = new_address()
    (tmp_path / "books").mkdir()
    with running_chain(tmp_path / "chain") as chain:
        command = [sys.executable, "-m", "tests.faults.x402.payments", str(tmp_path / "books")]
        ended = subprocess.run(
            [*command, chain.rpc_url, chain.genesis, pay_to, str(KILLS)],
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr[-4000:]
        received = asyncio.run(usdc_balance(chain.rpc_url, pay_to))
    killed = json.loads(ended.stdout)
    assert len(killed) == len(AFTER_RUN) + len(BEFORE_RUN) == 16
    assert set(killed.values()) == {KILLS}
    assert received == 16 * KILLS * 28
    print(f"\n{16 * KILLS} kills, 16 points: {received} atomic received and booked, no difference")

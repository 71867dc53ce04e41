"""kill -9 of real processes at each point of a purchase of credits: one balance, one key, or neither.

``BATCHIN_TEST_KILLS`` is how often each point is died at: once in the suite, 20 times by
``make test-kills``.
"""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

from settlement.chain.funding import usdc_balance
from tests.chains import new_address, running_chain
from tests.faults.x402.credits import ATOMIC, POINTS

ROOT = Path(__file__).parents[3]
KILLS = int(os.environ.get("BATCHIN_TEST_KILLS", "1"))


def test_a_kill_at_each_point_buys_one_balance_and_one_key(tmp_path: Path) -> None:
    pay_to = new_address()
    (tmp_path / "books").mkdir()
    with running_chain(tmp_path / "chain") as chain:
        command = [sys.executable, "-m", "tests.faults.x402.credits", str(tmp_path / "books")]
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
    assert killed == dict.fromkeys(POINTS, KILLS)
    assert received == len(POINTS) * KILLS * ATOMIC
    print(f"\n{len(POINTS) * KILLS} kills, {len(POINTS)} points: each purchase paid and credited once")

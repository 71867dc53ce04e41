"""kill -9 of real processes at each point of a purchase of credits: one balance, one key, or neither.

``BATCHIN_TEST_KILLS`` is how often each point is died at: once in the suite, 20 times by
``make test-kills``.
"""

import asyncio
import os
from pathlib import Path

from settlement.chain.funding import usdc_balance
from tests.chains import new_address, running_chain
from tests.faults.campaign import killed
from tests.faults.x402.credits import ATOMIC, POINTS

KILLS = int(os.environ.get("BATCHIN_TEST_KILLS", "1"))


def test_a_kill_at_each_point_buys_one_balance_and_one_key(tmp_path: Path) -> None:
    pay_to = new_address()
    with running_chain(tmp_path / "chain") as chain:
        deaths = killed("tests.faults.x402.credits", chain, tmp_path, pay_to, str(KILLS))
        received = asyncio.run(usdc_balance(chain.rpc_url, pay_to))
    assert deaths == dict.fromkeys(POINTS, KILLS)
    assert received == len(POINTS) * KILLS * ATOMIC
    print(f"\n{len(POINTS) * KILLS} kills, {len(POINTS)} points: each purchase paid and credited once")

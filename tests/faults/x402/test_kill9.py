"""kill -9 of real processes at each point of a payment on a real chain: received == charged, always.

``BATCHIN_TEST_PAYMENT_KILLS`` is how often each point is died at: once in the suite, 25 times by
``make test-payments``.
"""

import asyncio
import os
from pathlib import Path

from settlement.chain.funding import usdc_balance
from tests.chains import new_address, running_chain
from tests.faults.campaign import killed
from tests.faults.x402.payments import AFTER_RUN, BEFORE_RUN

KILLS = int(os.environ.get("BATCHIN_TEST_PAYMENT_KILLS", "1"))


def test_a_kill_at_each_point_loses_and_doubles_nothing(tmp_path: Path) -> None:
    pay_to = new_address()
    with running_chain(tmp_path / "chain") as chain:
        deaths = killed("tests.faults.x402.payments", chain, tmp_path, pay_to, str(KILLS))
        received = asyncio.run(usdc_balance(chain.rpc_url, pay_to))
    assert len(deaths) == len(AFTER_RUN) + len(BEFORE_RUN) == 16
    assert set(deaths.values()) == {KILLS}
    assert received == 16 * KILLS * 28
    print(f"\n{16 * KILLS} kills, 16 points: {received} atomic received and booked, no difference")

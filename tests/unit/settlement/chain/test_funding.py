"""Money for wallets of the development chain."""

import asyncio

from settlement.chain.devchain import DevChain
from settlement.chain.funding import fund, usdc_balance
from tests.chains import new_address


async def test_many_fund_at_once(dev_chain: DevChain) -> None:
    address = new_address()
    sent = await asyncio.gather(*(fund(dev_chain.rpc_url, address, 10 + i) for i in range(8)))
    assert len(set(sent)) == 8
    assert await usdc_balance(dev_chain.rpc_url, address) == sum(10 + i for i in range(8))

"""The x402 rail of this server on its chain: entered and left together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from base.settings import Settings
from server.beside import beside
from settlement.chain.devchain import DevChain
from settlement.x402.desk import Desk
from settlement.x402.rail import X402Rail
from settlement.x402.sale import Sale

_GAS_KEY: Final = "gas.key"


async def sale_of(settings: Settings, chain: DevChain) -> Sale:
    """The terms of this server on its chain, which is up. Raises ChainUnavailable, KeyFileError."""
    from settlement.chain import permit2
    from settlement.chain.client import ChainClient
    from settlement.x402.networks import NETWORKS

    keys = settings.data_dir / "keys"
    pay_to = settings.pay_to or await _own_address(keys / "pay_to.key")
    asset = NETWORKS[settings.network].asset
    async with ChainClient(lambda: chain.rpc_url) as client:
        settler = await _own_address(keys / _GAS_KEY) if await permit2.is_deployed(client) else ""
    return Sale(asset, pay_to, settings.min_charge_atomic, int(settings.timeout_s), settler)


@asynccontextmanager
async def x402_rail(
    settings: Settings, sale: Sale, desk: Desk, chain: DevChain
) -> AsyncIterator[X402Rail]:
    """Run the rail over a chain that is up. Payments of an earlier process are ended before it serves,
    those whose money is under way beside it.

    Raises ChainUnavailable, KeyFileError.
    """
    from settlement.x402.collector import Collector
    from settlement.x402.facilitators.dev import DevFacilitator
    from settlement.x402.wallets import ContractWallets

    gas_key = settings.data_dir / "keys" / _GAS_KEY
    async with DevFacilitator(chain, desk.store, desk.clock, gas_key) as facilitator:
        collector = Collector(desk.store, facilitator, desk.clock, settings.timeout_s)
        rail = X402Rail(sale, desk, collector, ContractWallets({chain.network: facilitator.client}))
        await rail.recovery.recover()
        async with beside(rail.recovery.forever()), beside(rail.reconciliation.forever()):
            yield rail


async def _own_address(key: Path) -> str:
    from settlement.chain.keys import file_signer

    return (await file_signer(key)).address

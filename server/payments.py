"""The x402 rail of this server on its chain: entered and left together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from base.settings import Settings
from server.beside import beside
from settlement.chain.devchain import DevChain
from settlement.x402.desk import Desk
from settlement.x402.rail import X402Rail
from settlement.x402.sale import Asset, Sale


async def sale_of(settings: Settings) -> Sale:
    """The terms of this server. Raises KeyFileError."""
    from settlement.chain import devnet

    pay_to = settings.pay_to or await _own_address(settings.data_dir / "keys" / "pay_to.key")
    asset = Asset(devnet.NETWORK, devnet.USDC, devnet.USDC_NAME, devnet.USDC_VERSION)
    return Sale(asset, pay_to, settings.min_charge_atomic, int(settings.timeout_s))


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

    gas_key = settings.data_dir / "keys" / "gas.key"
    async with DevFacilitator(chain, desk.store, desk.clock, gas_key) as facilitator:
        if await facilitator.has_permit2():
            sale = replace(sale, permit2_settler=facilitator.address)
        collector = Collector(desk.store, facilitator, desk.clock, settings.timeout_s)
        rail = X402Rail(sale, desk, collector, ContractWallets(facilitator.client))
        await rail.recovery.recover()
        async with beside(rail.recovery.forever()):
            yield rail


async def _own_address(key: Path) -> str:
    from settlement.chain.keys import file_signer

    return (await file_signer(key)).address

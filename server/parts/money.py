"""Where money comes in: the chains on which calls are paid, and the deposits on them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from server.deposits import deposits_of
from server.parts.ground import Ground
from server.payments import Place, places_of
from settlement.chain.devchain import DevChain
from settlement.deposits.deposits import Deposits
from settlement.x402.sale import Sale


@dataclass(frozen=True, slots=True)
class Money:
    """``places`` are empty where x402 is off; ``deposits`` is None where nobody can deposit."""

    places: tuple[Place, ...]
    deposits: Deposits | None

    @property
    def sales(self) -> tuple[Sale, ...]:
        """The terms in each place."""
        return tuple(place.sale for place in self.places)

    @property
    def sale(self) -> Sale | None:
        """The terms that come first."""
        return next(iter(self.sales), None)

    @property
    def networks(self) -> tuple[str, ...]:
        """The chains in CAIP-2."""
        return tuple(sale.asset.network for sale in self.sales)


@asynccontextmanager
async def money_of(ground: Ground, chain: DevChain | None) -> AsyncIterator[Money]:
    """Watch deposits until the block is left. ``chain`` is the embedded one, if there is one, and up.

    Raises ChainUnavailable, KeyFileError and SettingsError, which names the setting.
    """
    settings = ground.settings
    places = await places_of(settings, chain)
    async with deposits_of(settings, chain, ground.store, ground.clock) as deposits:
        yield Money(places, deposits)

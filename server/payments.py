"""The x402 rail of this server on its chains: entered and left together."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Protocol, Self

from base.money import usd_to_nano
from base.network_settings import NetworkName, NetworkSettings
from base.settings import Settings, SettingsError
from server.beside import beside
from settlement.chain.devchain import DevChain
from settlement.x402.desk import Desk
from settlement.x402.exposure import Exposure
from settlement.x402.facilitator import Facilitator
from settlement.x402.rail import X402Rail
from settlement.x402.sale import Sale

if TYPE_CHECKING:
    from settlement.chain.client import ChainClient
    from settlement.x402.facilitators.own import Chain

_GAS_KEY: Final = "gas.key"


class Settler(Facilitator, Protocol):
    """A facilitator of one chain that is entered and left; ``client`` reads the chain beside it."""

    @property
    def client(self) -> "ChainClient": ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Place:
    """A chain on which payments are taken: on which terms, and who settles them there."""

    chain: "Chain"
    sale: Sale
    settler: Callable[[Desk], Awaitable[Settler]]


async def places_of(settings: Settings, dev: DevChain | None) -> tuple[Place, ...]:
    """The chains on which this server takes payments; the embedded one, which is up, comes first.

    Raises ChainUnavailable, KeyFileError and SettingsError, which names the setting.
    """
    public = [await _public(settings, name) for name in settings.networks] if settings.x402 else []
    return (*([await _embedded(settings, dev)] if dev else []), *public)


@asynccontextmanager
async def x402_rail(settings: Settings, places: Sequence[Place], desk: Desk) -> AsyncIterator[X402Rail]:
    """Run the rail over chains that are up. Payments of an earlier process are ended before it serves,
    those whose money is under way beside it.

    Raises ChainUnavailable, KeyFileError.
    """
    from settlement.x402.collector import Collector
    from settlement.x402.facilitators.dev import DevFacilitator
    from settlement.x402.facilitators.own import SelfFacilitator
    from settlement.x402.facilitators.router import Router
    from settlement.x402.wallets import ContractWallets

    async with AsyncExitStack() as stack:
        settlers = {
            place.chain.network: await stack.enter_async_context(await place.settler(desk))
            for place in places
        }
        clients = {network: settler.client for network, settler in settlers.items()}
        # half of it: who waits for a chain is told where his payment stands, not that a charge is late
        patience_s = min(settings.timeout_s, settings.capture_s / 2)
        collector = Collector(desk.store, Router(settlers), desk.clock, patience_s)
        first, *others = (place.sale for place in places)
        exposure = Exposure(settings.unsettled_calls, usd_to_nano(settings.unsettled_usd))
        rail = X402Rail(first, desk, collector, ContractWallets(clients), others, exposure)
        rail.reconciliation.gas_wallets = {
            network: settler.transactions
            for network, settler in settlers.items()
            if isinstance(settler, SelfFacilitator | DevFacilitator)
        }
        await rail.recovery.recover()
        async with beside(rail.recovery.forever()), beside(rail.reconciliation.forever()):
            yield rail


async def _embedded(settings: Settings, chain: DevChain) -> Place:
    from settlement.x402.facilitators.dev import DevFacilitator
    from settlement.x402.networks import NETWORKS

    keys = settings.data_dir / "keys"
    pay_to = settings.pay_to or await _own_address(keys / "pay_to.key")
    least, gas_key = settings.min_charge_atomic, keys / _GAS_KEY
    settler = await _own_address(gas_key) if await _has_permit2(chain) else ""
    sale = Sale(NETWORKS["dev"].asset, pay_to, least, int(settings.timeout_s), settler)

    async def settling(desk: Desk) -> DevFacilitator:
        return DevFacilitator(chain, desk.store, desk.clock, gas_key)

    return Place(chain, sale, settling)


async def _public(settings: Settings, name: NetworkName) -> Place:
    from settlement.chain.errors import ChainUnavailable, RpcRefused
    from settlement.chain.fees import GWEI, FeePolicy
    from settlement.chain.keys import file_signer
    from settlement.chain.rpc_chain import WrongChain, rpc_chain
    from settlement.x402.facilitators.own import SelfFacilitator
    from settlement.x402.networks import NETWORKS

    asset, set_ = NETWORKS[name].asset, settings.networks[name]
    run_s = int(settings.timeout_s)
    least = settings.min_charge_atomic if set_.min_charge_atomic is None else set_.min_charge_atomic
    try:
        chain = await rpc_chain(set_.rpc_url.get_secret_value(), asset.network, asset.address)
        permit2 = await _has_permit2(chain)
    except (ChainUnavailable, RpcRefused, WrongChain) as error:
        raise SettingsError(f"networks.{name}.rpc_url: {error}") from error
    if set_.facilitators:
        return await _by_others(chain, permit2, set_, Sale(asset, set_.pay_to, least, run_s))
    signer = await file_signer(set_.gas_key or settings.data_dir / "keys" / _GAS_KEY)
    if signer.address.lower() == set_.pay_to.lower():
        raise SettingsError(
            f"networks.{name}.pay_to is the gas wallet, whose key is on this machine; name another"
        )
    settler = signer.address if permit2 else ""
    sale = Sale(asset, set_.pay_to, least, run_s, settler)
    fees = FeePolicy(
        set_.gas_price_gwei * GWEI,
        day_budget_gwei=set_.gas_budget_gwei,
        least_float_wei=set_.gas_least_wei,
    )

    async def settling(desk: Desk) -> SelfFacilitator:
        return SelfFacilitator(chain, desk.store, desk.clock, signer, fees)

    return Place(chain, sale, settling)


async def _by_others(chain: "Chain", permit2: bool, set_: NetworkSettings, sale: Sale) -> Place:
    """Settled by facilitators over HTTP. ``upto`` is offered where one of them says that it settles it:
    the first that does, since a permit names who may."""
    from settlement.x402.facilitators.remote import Remote, RemoteFacilitator, with_settlers

    remotes = [
        Remote(
            one.url,
            {name: value.get_secret_value() for name, value in one.headers.items()},
            one.timeout_s,
        )
        for one in set_.facilitators
    ]

    if permit2:
        remotes = [*await with_settlers(remotes, chain.network)]
    settler = next((one.settler for one in remotes if one.settler), "")

    async def settling(desk: Desk) -> RemoteFacilitator:
        return RemoteFacilitator(chain, sale.asset, remotes, desk.clock, set_.confirm_from_atomic)

    offered = replace(sale, permit2_settler=settler, exact_by_permit2=False)
    return Place(chain, offered, settling)


async def _has_permit2(chain: "Chain") -> bool:
    from settlement.chain import permit2
    from settlement.chain.client import ChainClient

    async with ChainClient(lambda: chain.rpc_url) as client:
        return await permit2.is_deployed(client)


async def _own_address(key: Path) -> str:
    from settlement.chain.keys import file_signer

    return (await file_signer(key)).address

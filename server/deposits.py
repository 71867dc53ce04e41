"""USDC deposits as the settings have them: an address for each account, a watch on each chain."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final

from base.clock import Clock
from base.secret_file import file_secret
from base.settings import Settings, SettingsError
from server.beside import beside
from settlement.chain.devchain import DevChain
from settlement.deposits.addresses import DepositAddresses
from settlement.deposits.deposits import DepositChain, Deposits
from storage.op import Store

if TYPE_CHECKING:
    from settlement.chain.client import ChainClient
    from settlement.chain.hd import ExtendedKey
    from settlement.deposits.watch import DepositWatch
    from settlement.x402.facilitators.own import Chain

_DEV: Final = "dev"
_DEV_CONFIRMATIONS: Final = 1  # it makes a block for each transaction, and none beside
_DEV_PAUSE_S: Final = 1.0
_PAUSE_S: Final = 5.0


@asynccontextmanager
async def deposits_of(
    settings: Settings, dev: DevChain | None, store: Store, clock: Clock
) -> AsyncIterator[Deposits | None]:
    """Watch every chain until the block is left; None where nobody can deposit.

    Play money needs no setting: the embedded chain's addresses come from a key of this machine. Raises
    ChainUnavailable, KeyFileError and SettingsError, which names the setting.
    """
    root = _root(settings, dev)
    if root is None:
        yield None
        return
    addresses = DepositAddresses(root, store, clock)
    async with AsyncExitStack() as stack:
        chains = []
        for name, chain, confirmations in await _chains(settings, dev):
            client = await stack.enter_async_context(_client(chain))
            watch = await _opened(name, chain, client, addresses, confirmations)
            pause_s = _DEV_PAUSE_S if name == _DEV else _PAUSE_S
            await stack.enter_async_context(beside(watch.forever(pause_s)))
            chains.append(DepositChain(name, chain.network, chain.usdc, confirmations))
        yield Deposits(addresses, chains)


def _root(settings: Settings, dev: DevChain | None) -> "ExtendedKey | None":
    chosen = settings.deposits
    if chosen is None and dev is None:
        return None
    from settlement.chain.hd import ExtendedKey

    if chosen is None:
        return ExtendedKey.of_seed(file_secret(settings.data_dir / "keys" / "deposits.key"))
    try:
        return ExtendedKey.parse(chosen.xpub.get_secret_value())
    except ValueError as error:
        raise SettingsError(f"deposits.xpub: {error}") from None


async def _chains(settings: Settings, dev: DevChain | None) -> "list[tuple[str, Chain, int]]":
    """Public ones only below a key that the settings name: the other's secret is on this machine."""
    from settlement.chain.errors import ChainUnavailable, RpcRefused
    from settlement.chain.rpc_chain import WrongChain, rpc_chain
    from settlement.x402.networks import NETWORKS

    chains: list[tuple[str, Chain, int]] = [(_DEV, dev, _DEV_CONFIRMATIONS)] if dev else []
    for name, chosen in settings.networks.items() if settings.deposits else ():
        asset, rpc_url = NETWORKS[name].asset, chosen.rpc_url.get_secret_value()
        try:
            chain = await rpc_chain(rpc_url, asset.network, asset.address)
        except (ChainUnavailable, RpcRefused, WrongChain) as error:
            raise SettingsError(f"networks.{name}.rpc_url: {error}") from error
        chains.append((name, chain, chosen.confirmations))
    return chains


def _client(chain: "Chain") -> "ChainClient":
    from settlement.chain.client import ChainClient

    return ChainClient(lambda: chain.rpc_url)  # a restart may change the embedded one's


async def _opened(
    name: str, chain: "Chain", client: "ChainClient", addresses: DepositAddresses, confirmations: int
) -> "DepositWatch":
    from settlement.chain.errors import RpcRefused
    from settlement.deposits.watch import DepositWatch

    watch = DepositWatch(name, chain, client, addresses, confirmations)
    try:
        await watch.open()
    except RpcRefused as error:
        raise SettingsError(f"networks.{name}.rpc_url: {error.message}") from error
    return watch

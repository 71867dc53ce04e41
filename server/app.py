"""Puts the parts of a server together: the one place that knows them all."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from starlette.types import ASGIApp

from base.clock import SystemClock
from base.money import usd_to_nano
from base.settings import Settings
from runtime.engine import Modality
from server.health import Readiness
from server.log import CallLog
from server.parts.admin import administered
from server.parts.core import Beneath, core_of
from server.parts.doors import doors_of
from server.parts.ground import Ground, grounded
from server.parts.machinery import started
from server.parts.money import money_of
from server.parts.seat import seated
from server.parts.sight import sight_of
from server.parts.work import work_of
from settlement.ledger.credentials import NewKey
from settlement.ledger.demo import ensure_demo
from storage.lock import DataDirLock
from tools.owner import Owner


@dataclass(frozen=True, slots=True)
class Server:
    """A server whose parts run. ``asgi`` serves calls; ``owner`` has what outlives a request."""

    asgi: ASGIApp
    settings: Settings
    readiness: Readiness
    url: str
    rpc_url: str | None
    network: str | None
    chat_model: str | None
    first_key: NewKey | None
    first_balance_nano_usd: int
    owner: Owner

    async def drain(self) -> None:
        """Wait for captures and settlements that outlive their requests."""
        await self.owner.drain()


@asynccontextmanager
async def compose(settings: Settings, port: int, calls: CallLog) -> AsyncIterator[Server]:
    """Start every part, in the order in which they need each other, and stop them in reverse.

    Raises DataDirError, MigrationError, KeyFileError, FetchError, SettingsError, ChildFailed.
    """
    url = settings.public_url or _url(settings.host, port)
    owner = Owner()
    async with AsyncExitStack() as stack:
        stack.enter_context(DataDirLock(settings.data_dir, f"batchin serve on {url}"))
        enter = stack.enter_async_context
        ground = await enter(grounded(settings, url, SystemClock()))
        first_key = await _first_key(ground)
        machinery = await enter(started(settings, ground.clock))
        chain, catalog = machinery.chain, machinery.runtime.catalog
        seat = await enter(seated(ground, chain))
        money = await enter(money_of(ground, chain))
        work = await enter(work_of(ground, machinery.runtime))
        sight = await enter(sight_of(ground, calls))
        beneath = Beneath(ground, machinery, seat, money, work, sight)
        core = await enter(core_of(beneath, owner))
        asgi = await enter(doors_of(beneath, core))
        await enter(administered(beneath, core))
        yield Server(
            asgi=asgi,
            settings=settings,
            readiness=sight.readiness,
            url=url,
            rpc_url=chain.rpc_url if chain else None,
            network=next(iter(money.networks), None),
            chat_model=next((m.id for m in catalog if m.modality is Modality.CHAT), None),
            first_key=first_key,
            first_balance_nano_usd=usd_to_nano(settings.demo_balance_usd),
            owner=owner,
        )


async def _first_key(ground: Ground) -> NewKey | None:
    """The key of the demo account, where it was made now."""
    settings = ground.settings
    chosen = settings.demo_key.get_secret_value() if settings.demo_key else None
    balance = usd_to_nano(settings.demo_balance_usd)
    return await ensure_demo(ground.accounts, ground.keys, balance, chosen)


def _url(host: str, port: int) -> str:
    """The address under which people on this machine reach a server that listens on ``host``."""
    if host == "::":
        return f"http://[::1]:{port}"
    if not host.strip("0."):
        return f"http://127.0.0.1:{port}"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

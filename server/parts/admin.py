"""What the operator of a running server may ask of it, on its admin socket."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from server.admin import AdminServer
from server.agent import AgentOffice
from server.books import Books
from server.engines import EnginesOffice
from server.ledger import LedgerOffice
from server.operations import NoArguments, Operation, Operations
from server.parts.core import Beneath, Core
from server.prompt_office import ErasingOffice, PromptOffice
from server.reservations import LanesOffice
from server.signing import SigningOffice
from server.version import version


@asynccontextmanager
async def administered(beneath: Beneath, core: Core) -> AsyncIterator[None]:
    """Answer for as long as the block lasts."""
    readiness = beneath.sight.readiness
    async with EnginesOffice(beneath.machinery.runtime.engines) as engines:
        asked = {**_operations(beneath, core), **engines.operations()}
        office = Operations(asked, lambda: readiness.is_open)
        async with AdminServer(beneath.ground.settings.data_dir, office):
            yield


def _operations(beneath: Beneath, core: Core) -> Mapping[str, Operation]:
    ground, redraw = beneath.ground, core.documents.redraw
    settings = ground.settings
    own = beneath.machinery.chain is not None and not settings.pay_to
    wallet = settings.data_dir / "keys" / "pay_to.key" if own else None
    ledger = LedgerOffice(ground.store, ground.clock, core.paying.reconciliation)
    signing = SigningOffice(lambda: ground.ring, ground.store, redraw, ground.integrator.integrate)
    return {
        "info": _info(beneath),
        **Books(ground.accounts, ground.keys, ground.clock).operations(),
        **ledger.operations(),
        **LanesOffice(ground.accounts, ground.lanes).operations(),
        **PromptOffice(ground.accounts, ground.prompts.book).operations(),
        **ErasingOffice(ground.accounts, core.records.eraser).operations(),
        **signing.operations(),
        **AgentOffice(beneath.seat, wallet, redraw).operations(),
    }


def _info(beneath: Beneath) -> Operation:
    ground, chain = beneath.ground, beneath.machinery.chain

    async def info(_: NoArguments) -> dict[str, Any]:
        return {
            "url": ground.url,
            "rpc_url": chain.rpc_url if chain else None,
            "network": chain.network if chain else None,
            "usdc": chain.usdc if chain else None,
            "version": version(),
            "data_dir": str(ground.settings.data_dir),
            "pid": os.getpid(),
            "public_key": ground.public_key(),
        }

    return Operation(NoArguments, info)

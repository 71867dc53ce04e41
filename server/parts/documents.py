"""The documents of this server as they are now."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from base.settings import Settings
from manifests.document import Document
from manifests.facts import Facts
from manifests.operations import operations
from manifests.render import render
from server.mcp.hosts import Misdirected
from settlement.x402.errors import (
    AllowanceRequired,
    PaymentInvalid,
    PaymentRequired,
    PaymentReused,
    SettlementPending,
)
from tools.core import Registry

_PAYMENT_ERRORS: Final = (
    PaymentRequired,
    PaymentInvalid,
    AllowanceRequired,
    PaymentReused,
    SettlementPending,
)


class Documents:
    """``shown`` maps a path to its document; it changes in place when they are drawn again."""

    def __init__(self, registry: Registry, settings: Settings, facts: Callable[[], Facts]) -> None:
        self._registry = registry
        self._settings = settings
        self._facts = facts
        self.shown: Final = dict(self._drawn())

    async def redraw(self) -> None:
        """After what ``facts`` tells has changed."""
        self.shown.update(await asyncio.to_thread(self._drawn))

    def _drawn(self) -> Mapping[str, Document]:
        facts = self._facts()
        paid = _PAYMENT_ERRORS if facts.payment else ()
        return render(self._registry, facts, self._settings, operations(paid, (Misdirected,)))

"""Operations on the key that signs records and receipts: which there were, and a new one."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from server.operations import NoArguments, Operation
from settlement.evidence.keyring import KeyRing

Rotated = Callable[[], Awaitable[None]]


async def _nothing() -> None:
    """Nobody shows the keys."""


@dataclass(frozen=True, slots=True)
class SigningOffice:
    """``ring`` opens the keys; ``rotated`` is awaited after another one signs."""

    ring: Callable[[], KeyRing]
    rotated: Rotated = _nothing
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def operations(self) -> Mapping[str, Operation]:
        return {
            "signing.list": Operation(NoArguments, self._list),
            "signing.rotate": Operation(NoArguments, self._rotate),
        }

    async def _list(self, _: NoArguments) -> list[dict[str, Any]]:
        keys: list[dict[str, Any]] = self.ring().document()["keys"]
        return keys

    async def _rotate(self, _: NoArguments) -> dict[str, Any]:
        """The switch happens on the loop, between two records; the disk is waited for beside it."""
        async with self.turn:
            ring = self.ring()
            prepared = await asyncio.to_thread(ring.prepare)
            ring.adopt(prepared)
            await asyncio.to_thread(ring.save)
            await self.rotated()
        shown: dict[str, Any] = ring.document()["keys"][-1]
        return shown

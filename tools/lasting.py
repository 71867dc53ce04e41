"""A rail whose authorizations go on to their end: money that moves must not depend on who waits."""

import asyncio
from dataclasses import dataclass

from base.errors import BatchinError
from settlement.rail import Grant, Order, Rail, Replay
from tools.owner import Owner


@dataclass(frozen=True, slots=True)
class LastingRail:
    """Authorizes in tasks of ``owner``; what was authorized for a caller that left is given back."""

    rail: Rail
    owner: Owner

    async def authorize(self, order: Order) -> Grant | Replay:
        """As the rail itself does."""
        authorizing = self.owner.start(self.rail.authorize(order))
        try:
            return await asyncio.shield(authorizing)
        except asyncio.CancelledError:
            self.owner.start(_give_back(authorizing))
            raise


async def _give_back(authorizing: "asyncio.Task[Grant | Replay]") -> None:
    try:
        answer = await authorizing
    except BatchinError:
        return
    if not isinstance(answer, Replay):
        await answer.release()

"""The agent that this server is on a chain, anchoring from now on where it is registered."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from server.beside import beside
from server.parts.ground import Ground
from settlement.agent.seat import AgentSeat
from settlement.chain.devchain import DevChain


@asynccontextmanager
async def seated(ground: Ground, chain: DevChain | None) -> AsyncIterator[AgentSeat]:
    """``chain`` is the embedded one, if there is one."""
    settings = ground.settings
    parts = (ground.store, ground.log, ground.clock, chain)
    seat = AgentSeat(settings.agent, settings.data_dir / "keys", ground.url, *parts)
    async with seat, beside(seat.run()):
        yield seat

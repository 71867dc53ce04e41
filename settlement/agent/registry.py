"""What the chain says of an agent now."""

from dataclasses import dataclass
from typing import Any

from settlement.agent.agent import Place
from settlement.chain.abi import Function
from settlement.chain.client import ChainClient
from settlement.chain.erc8004 import identity, keeper


@dataclass(frozen=True, slots=True)
class RegistryReader:
    """Reads the Identity Registry and the AnchorKeeper of a place. Every method raises ChainUnavailable,
    RpcRefused for an agent that is none, and UnexpectedAnswer where no such contract stands."""

    client: ChainClient
    place: Place

    async def owner(self, agent_id: int) -> str:
        return str(await self._ask(identity.OWNER_OF, agent_id))

    async def uri(self, agent_id: int) -> str:
        return str(await self._ask(identity.TOKEN_URI, agent_id))

    async def approved(self, agent_id: int) -> str:
        return str(await self._ask(identity.GET_APPROVED, agent_id))

    async def wallet(self, agent_id: int, block: int | None = None) -> str:
        """The agent's wallet after a block, by default now."""
        return str(await self._ask(identity.GET_AGENT_WALLET, agent_id, block=block))

    async def anchored(self, agent_id: int) -> bytes:
        """The digest of the checkpoint that stands in the metadata; empty where none does."""
        return bytes(await self._ask(identity.GET_METADATA, agent_id, keeper.METADATA_KEY))

    async def writer(self, agent_id: int) -> str:
        """Who may anchor for the agent through the keeper; the zero address: nobody."""
        asked = keeper.WRITER_OF.call(self.place.registries.identity, agent_id)
        answer = await self.client.call(self.place.keeper, asked)
        return str(keeper.WRITER_OF.result(answer)[0])

    async def stands(self, address: str) -> bool:
        """Whether a contract stands at an address."""
        return bool(await self.client.code(address))

    async def _ask(self, function: Function, *values: Any, block: int | None = None) -> Any:
        answer = await self.client.call(self.place.registries.identity, function.call(*values), block)
        return function.result(answer)[0]


def same(one: str, other: str) -> bool:
    """Whether two spellings name one address."""
    return one.lower() == other.lower()

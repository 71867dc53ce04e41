"""The agent that this server is, as the books know it."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from settlement.agent.tables import AGENT
from settlement.chain import devnet
from settlement.chain.erc8004.addresses import Registries
from storage.op import Key, Op, Rows, Store


@dataclass(frozen=True, slots=True)
class Place:
    """The chain of the registries; ``genesis`` is the hash of its block 0."""

    network: str
    chain_id: int
    genesis: str
    registries: Registries
    keeper: str


@dataclass(frozen=True, slots=True)
class Agent:
    """An entry of an Identity Registry. ``agent_id`` is a decimal string, "0" for the first."""

    genesis: str
    registry: str
    network: str
    agent_id: str
    owner: str
    transaction: str
    registered_at_ms: int

    @property
    def registry_name(self) -> str:
        """The registry as ERC-8004 names it: ``namespace:chainId:address``."""
        return f"{self.network}:{self.registry}"

    @property
    def number(self) -> int:
        return int(self.agent_id)


async def find(store: Store, place: Place) -> Agent | None:
    """The registration of this server there; None while there is none."""
    ours = (AGENT.c.genesis == place.genesis) & (AGENT.c.registry == place.registries.identity)
    rows = await store.read(select(AGENT).where(ours))
    return Agent(**rows[0]) if rows else None


def save(agent: Agent) -> Op:
    key = Key(AGENT.name, (agent.genesis, agent.registry))
    row: dict[str, Any] = {name: getattr(agent, name) for name in Agent.__slots__}

    def fold(rows: Rows) -> None:
        rows.put(key, row)

    return Op((key,), fold)


async def last(store: Store) -> Agent | None:
    """The latest registration on a chain that is no development chain, for while none answers."""
    real = AGENT.c.network != devnet.NETWORK
    rows = await store.read(select(AGENT).where(real).order_by(AGENT.c.registered_at_ms.desc()).limit(1))
    return Agent(**rows[0]) if rows else None

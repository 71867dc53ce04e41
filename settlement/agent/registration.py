"""Registers the server as an agent of ERC-8004, and gives it its wallet and its anchor key.

Each step looks at the chain first and does what is missing: the command can be run again at any time.
"""

from dataclasses import dataclass
from typing import Any, Final

from base.clock import Clock
from base.errors import ServiceUnavailable
from settlement.agent import agent as agents
from settlement.agent.agent import Agent, Place
from settlement.agent.registry import RegistryReader, same
from settlement.agent.steps import Steps
from settlement.chain.client import ChainClient
from settlement.chain.erc8004 import identity, keeper
from settlement.chain.erc8004.addresses import keeper_deployment
from settlement.chain.keys import WalletSigner
from storage.op import Store

_SPARE_S: Final = 60
"""A block may be made by a clock that is behind ours."""


class NoRegistry(ServiceUnavailable):
    """No Identity Registry stands where it should."""

    def __init__(self, message: str) -> None:
        super().__init__(
            message,
            resolution="Set [agent] identity_registry, or rpc_url to another chain.",
        )


class NotRegistered(ServiceUnavailable):
    """The server is no agent yet."""

    def __init__(self, message: str) -> None:
        super().__init__(message, resolution="Run batchin agent register.")


@dataclass(frozen=True, slots=True)
class Registrar:
    """``steps`` sends with the agent's owner; ``writer`` is the address that will anchor, ``uri`` where
    the registration file is served. Every method raises StepRefused, StepPending, ChainUnavailable."""

    store: Store
    client: ChainClient
    place: Place
    steps: Steps
    writer: str
    uri: str
    clock: Clock

    @property
    def _reader(self) -> RegistryReader:
        return RegistryReader(self.client, self.place)

    async def register(self) -> Agent:
        """Make the agent where there is none, point it at the registration file, and let ``writer``
        anchor for it. Raises NoRegistry."""
        if not await self._reader.stands(self.place.registries.identity):
            raise NoRegistry(
                f"{self.place.registries.identity} on {self.place.network} holds no contract."
            )
        agent = await agents.find(self.store, self.place) or await self._registered()
        await self._pointed(agent)
        await self._kept(agent)
        return agent

    async def set_wallet(self, signer: WalletSigner) -> str:
        """Make the wallet of ``signer`` the agent's; returns its address. Raises NotRegistered."""
        agent = await self._agent()
        if same(await self._reader.wallet(agent.number), signer.address):
            return signer.address
        consent = await self.consent_now(signer.address)
        signature = await signer.sign_typed(consent)
        return await self.set_signed_wallet(signer.address, consent["message"]["deadline"], signature)

    async def consent_now(self, wallet: str) -> dict[str, Any]:
        """The EIP-712 message that a wallet signs to become the agent's, good for four minutes.

        Raises NotRegistered."""
        agent = await self._agent()
        deadline = await self.client.pending_time_s() + identity.LONGEST_DEADLINE_S - _SPARE_S
        owner = await self._reader.owner(agent.number)
        registry, chain_id = self.place.registries.identity, self.place.chain_id
        return identity.wallet_consent(chain_id, registry, agent.number, wallet, owner, deadline)

    async def set_signed_wallet(self, wallet: str, deadline: int, signature: bytes) -> str:
        """As ``set_wallet``, with a consent that was signed elsewhere."""
        agent = await self._agent()
        data = identity.SET_AGENT_WALLET.call(agent.number, wallet, deadline, signature)
        await self.steps.carry_out(self._name("wallet", agent, wallet), agent.registry, data)
        return wallet

    async def _agent(self) -> Agent:
        agent = await agents.find(self.store, self.place)
        if agent is None:
            raise NotRegistered(f"This server is no agent on {self.place.network}.")
        return agent

    async def _registered(self) -> Agent:
        registry = self.place.registries.identity
        name = f"agent/{self.place.genesis[2:18]}/register"
        found = [receipt async for receipt in self.steps.past(name) if receipt.succeeded]
        receipt = found[0] if found else None
        if receipt is None:
            receipt = await self.steps.carry_out(name, registry, identity.REGISTER.call(self.uri))
        number = identity.registered(registry, receipt.logs)
        if number is None:
            raise NoRegistry(f"{registry} on {self.place.network} is no Identity Registry of ERC-8004.")
        agent = Agent(
            genesis=self.place.genesis,
            registry=registry,
            network=self.place.network,
            agent_id=str(number),
            owner=self.steps.manager.address,
            transaction=receipt.transaction,
            registered_at_ms=self.clock.now_ms(),
        )
        await self.store.commit(agents.save(agent))
        return agent

    async def _pointed(self, agent: Agent) -> None:
        """The agent's URI is that of this server's file."""
        if await self._reader.uri(agent.number) != self.uri:
            data = identity.SET_AGENT_URI.call(agent.number, self.uri)
            await self.steps.carry_out(self._name("uri", agent, self.uri), agent.registry, data)

    async def _kept(self, agent: Agent) -> None:
        """The keeper stands, is approved for the agent, and lets the writer anchor."""
        where, reader = self.place.keeper, self._reader
        if not await reader.stands(where):
            to, data = keeper_deployment()
            if not await reader.stands(to):
                raise NoRegistry(
                    f"{to}, which deploys contracts, does not stand on {self.place.network}."
                )
            await self.steps.carry_out(f"agent/{self.place.genesis[2:18]}/keeper", to, data)
        if not same(await reader.approved(agent.number), where):
            data = identity.APPROVE.call(where, agent.number)
            await self.steps.carry_out(self._name("approve", agent, where), agent.registry, data)
        if not same(await reader.writer(agent.number), self.writer):
            data = keeper.APPOINT.call(agent.registry, agent.number, self.writer)
            await self.steps.carry_out(self._name("appoint", agent, self.writer), where, data)

    def _name(self, step: str, agent: Agent, what: str) -> str:
        return f"agent/{agent.genesis[2:18]}/{agent.agent_id}/{step}/{what}"

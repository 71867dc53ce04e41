"""The agent's chain and keys: connected when the chain answers, and anchoring from then on."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol, Self

from base.agent_settings import AgentSettings
from base.clock import Clock
from base.errors import BatchinError, ServiceUnavailable
from settlement.agent import agent as agents
from settlement.agent.agent import Agent, Place
from settlement.agent.anchorer import Anchorer, AnchorPolicy
from settlement.agent.registration import Registrar
from settlement.agent.registry import RegistryReader, same
from settlement.agent.steps import Steps
from settlement.chain.abi import UnexpectedAnswer
from settlement.chain.client import ChainClient
from settlement.chain.erc8004.addresses import Registries, keeper_address, registries_of
from settlement.chain.errors import RpcRefused
from settlement.chain.fees import FeePolicy
from settlement.chain.funding import fund_gas
from settlement.chain.keys import EvmSigner, file_signer
from settlement.chain.transactions import TransactionManager
from settlement.evidence.anchors import AnchorBook
from settlement.evidence.log import Log
from storage.op import Store

_CONNECT_S: Final = 5.0
_POLL_S: Final = 2.0
_STEP_S: Final = 20.0
_CONFIRMATIONS: Final = 12
_LEAST_DEV_WEI: Final = 10**18
_ANCHOR_GAS: Final = 250_000  # more than any of our calls takes: none may cost more than a day's budget
_NO_LIMITS: Final = FeePolicy()
FILE_PATH: Final = "/.well-known/agent-registration.json"
_log = logging.getLogger("batchin.agent")


class NoChain(ServiceUnavailable):
    """The chain of the registries can't be used; the message says why."""

    def __init__(self, message: str) -> None:
        super().__init__(message, resolution="Check [agent] rpc_url and the registries' addresses.")


class Embedded(Protocol):
    """The development chain (settlement.chain.devchain.DevChain); a restart may change its URL."""

    @property
    def rpc_url(self) -> str: ...


class _Connection:
    """What there is once the chain has answered."""

    def __init__(self, place: Place, writer: TransactionManager, anchorer: Anchorer | None) -> None:
        self.place = place
        self.writer = writer
        self.anchorer = anchorer
        self.owner: TransactionManager | None = None


class AgentSeat:
    """``async with AgentSeat(...) as seat``; let ``seat.run()`` work beside the server.

    ``keys`` is the folder of key files, ``base_url`` where callers find the server. Without
    ``chain``, the embedded one, and without ``rpc_url`` there is no chain, and everything says so.
    """

    def __init__(
        self,
        config: AgentSettings,
        keys: Path,
        base_url: str,
        store: Store,
        log: Log,
        clock: Clock,
        chain: Embedded | None,
    ) -> None:
        self._config = config
        self._keys = keys
        self.base_url = base_url
        self._store = store
        self._log = log
        self._clock = clock
        self._chain = chain if config.rpc_url is None else None
        self._client = ChainClient(self._rpc_url)
        self._connection: _Connection | None = None
        self._connecting = asyncio.Lock()
        self._trouble = "The chain was not asked yet."
        self._agent: Agent | None = None

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        with contextlib.suppress(NoChain):
            await self._connect()
        if self._connection is None:
            self._agent = await agents.last(self._store)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._connection is not None:
            await self._connection.writer.close()
            if self._connection.owner is not None:
                await self._connection.owner.close()
        await self._client.__aexit__(None, None, None)

    @property
    def agent(self) -> Agent | None:
        """The registration of this server; None while there is none."""
        return self._agent

    @property
    def network(self) -> str | None:
        """The chain (CAIP-2); None while it did not answer."""
        return self._connection.place.network if self._connection else None

    @property
    def place(self) -> Place | None:
        """Where the registries are; None while their chain did not answer."""
        return self._connection.place if self._connection else None

    @property
    def trouble(self) -> str:
        """Why nothing is anchored; "" when nothing is wrong."""
        if self._connection is None:
            return self._trouble
        if self._connection.anchorer is None:
            return "Anchoring is turned off ([agent] anchor)."
        if self._agent is None:
            return "This server is not registered as an agent: its operator runs batchin agent register."
        return self._connection.anchorer.trouble

    @property
    def book(self) -> AnchorBook:
        return AnchorBook(self._store, self._log)

    async def run(self) -> None:
        """Connect and anchor until cancelled."""
        while True:
            with contextlib.suppress(NoChain):
                connection = await self._connect()
                if self._agent is not None and connection.anchorer is not None:
                    await connection.anchorer.step()
            await asyncio.sleep(_POLL_S)

    async def anchor(self) -> None:
        """Anchor now what is new, whatever the times of the policy say. Raises NoChain."""
        connection = await self._connect()
        if connection.anchorer is not None:
            await connection.anchorer.step(now=True)

    async def register(self) -> Agent:
        """Raises NoChain, NoRegistry, StepRefused, StepPending."""
        registrar = await self.registrar()
        try:
            self._agent = await registrar.register()
        except (RpcRefused, UnexpectedAnswer) as error:
            raise NoChain(f"The registry did not answer as one: {error}.") from None
        return self._agent

    async def registrar(self) -> Registrar:
        """Sends with the owner's key, which is read now. Raises NoChain, KeyFileError."""
        connection = await self._connect()
        if connection.owner is None:
            path = self._config.owner_key or self._keys / "agent_owner.key"
            signer = await file_signer(path)
            for address in (signer.address, connection.writer.address):
                await self._gift(address)
            connection.owner = await self._manager(connection.place, signer)
        return Registrar(
            self._store,
            self._client,
            connection.place,
            Steps(self._client, connection.owner, _STEP_S),
            connection.writer.address,
            self.base_url + FILE_PATH,
            self._clock,
        )

    async def status(self) -> dict[str, Any]:
        """What the books and the chain say of the agent. Raises NoChain."""
        place = (await self._connect()).place
        told: dict[str, Any] = {
            "network": place.network,
            "identity_registry": place.registries.identity,
            "registered": self._agent is not None,
        }
        if self._agent is not None:
            told |= await self._told(self._agent, place)
        latest = await self.book.latest(place.genesis)
        return {
            **told,
            "anchor": self._config.anchor,
            "anchoring": not self.trouble,
            "reason": self.trouble or None,
            "last_anchor": latest.document() if latest else None,
        }

    async def _told(self, agent: Agent, place: Place) -> dict[str, Any]:
        assert self._connection is not None
        reader = RegistryReader(self._client, place)
        writer = self._connection.writer.address
        try:
            return {
                "agent_registry": agent.registry_name,
                "agent_id": agent.agent_id,
                "owner": await reader.owner(agent.number),
                "wallet": await reader.wallet(agent.number),
                "uri": await reader.uri(agent.number),
                "anchor_key": writer,
                "anchor_key_appointed": same(await reader.writer(agent.number), writer),
                "anchor_key_balance_wei": str(await self._client.balance_wei(writer)),
            }
        except (RpcRefused, UnexpectedAnswer) as error:
            raise NoChain(f"The registry did not answer as one: {error}.") from None

    def _rpc_url(self) -> str:
        if self._config.rpc_url is not None:
            return self._config.rpc_url.get_secret_value()
        return self._chain.rpc_url if self._chain is not None else ""

    async def _connect(self) -> _Connection:
        async with self._connecting:
            if self._connection is None:
                try:
                    async with asyncio.timeout(_CONNECT_S):
                        self._connection = await self._connected()
                except NoChain as error:
                    self._trouble = error.message
                    raise
                except (BatchinError, RpcRefused, UnexpectedAnswer, TimeoutError) as error:
                    self._trouble = f"The chain of the registries does not answer: {error}"
                    raise NoChain(self._trouble) from None
                self._agent = await agents.find(self._store, self._connection.place)
            return self._connection

    async def _connected(self) -> _Connection:
        place = await self._place()
        fees = FeePolicy(most_wei=self._config.gas_budget_wei // _ANCHOR_GAS)
        writer = await self._manager(place, await file_signer(self._keys / "anchor.key"), fees)
        return _Connection(place, writer, self._anchorer(place, writer))

    async def _place(self) -> Place:
        if not self._rpc_url():
            raise NoChain("No chain is set up: x402 is off, and [agent] rpc_url names no node.")
        chain_id = await self._client.chain_id()
        first = await self._client.request("eth_getBlockByNumber", "0x0", False)
        known, config = registries_of(chain_id), self._config
        identity = config.identity_registry or (known.identity if known else None)
        if identity is None:
            raise NoChain(f"No Identity Registry of chain {chain_id} is known.")
        registries = Registries(
            identity,
            config.reputation_registry or (known.reputation if known else ""),
            config.validation_registry or (known.validation if known else ""),
        )
        network = f"eip155:{chain_id}"
        return Place(network, chain_id, str(first["hash"]), registries, keeper_address())

    def _anchorer(self, place: Place, writer: TransactionManager) -> Anchorer | None:
        config = self._config
        if config.anchor == "none":
            return None
        policy = AnchorPolicy(
            kind=config.anchor,
            every_s=config.anchor_every_s,
            records=config.anchor_records,
            confirmations=config.confirmations or (1 if self._chain is not None else _CONFIRMATIONS),
            budget_wei=config.gas_budget_wei,
            base_url=self.base_url,
            validator=config.validator or "",
        )
        return Anchorer(self._store, self._log, self._client, writer, place, policy, self._clock)

    async def _gift(self, address: str) -> None:
        """Gas on the embedded chain, for who is to send something."""
        if self._chain is not None and await self._client.balance_wei(address) < _LEAST_DEV_WEI:
            await fund_gas(self._chain.rpc_url, address)

    async def _manager(
        self, place: Place, signer: EvmSigner, fees: FeePolicy = _NO_LIMITS
    ) -> TransactionManager:
        manager = TransactionManager(
            self._store, self._client, signer, place.network, place.genesis, self._clock, fees
        )
        await manager.open()
        return manager


def agent_name(agent: Callable[[], Agent | None]) -> Callable[[], tuple[str, str]]:
    """The registry and the id that records name; "" and "" while there is no agent."""

    def name() -> tuple[str, str]:
        found = agent()
        return (found.registry_name, found.agent_id) if found else ("", "")

    return name

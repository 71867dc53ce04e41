"""An agent's books, keys and log on the development chain, as a server composes them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from settlement.agent.agent import Place
from settlement.agent.anchorer import Anchorer, AnchorPolicy, Kind
from settlement.agent.registration import Registrar
from settlement.agent.registry import RegistryReader
from settlement.agent.steps import Steps
from settlement.agent.tables import TABLES as AGENT
from settlement.chain.client import ChainClient
from settlement.chain.devchain import DevChain
from settlement.chain.erc8004.addresses import TESTNET, keeper_address
from settlement.chain.funding import fund_gas
from settlement.chain.keys import LocalSigner, local_signer
from settlement.chain.tables import TABLES as CHAIN
from settlement.chain.transactions import TransactionManager
from settlement.evidence.integrator import Integrator
from settlement.evidence.log import Log
from settlement.evidence.ops import evidence_op
from settlement.evidence.reader import EvidenceReader
from settlement.evidence.signed import Signed
from settlement.evidence.tables import TABLES as EVIDENCE
from storage.sqlite import SqliteStore
from tests.chains import new_payer
from tests.clocks import HandClock
from tests.stores import fresh_store
from tests.unit.settlement.evidence.case import LOG, LOG_KEY, START_MS, Desk, open_desk

URI = "https://agent.example/.well-known/agent-registration.json"
WEI = 10**18


@dataclass
class Site:
    store: SqliteStore
    client: ChainClient
    place: Place
    owner: TransactionManager
    writer: TransactionManager
    desk: Desk
    clock: HandClock

    @property
    def log(self) -> Log:
        return Log(self.store, LOG_KEY)

    @property
    def reader(self) -> RegistryReader:
        return RegistryReader(self.client, self.place)

    @property
    def proofs(self) -> EvidenceReader:
        return EvidenceReader(self.store, self.desk.keys, self.log)

    def registrar(self, uri: str = URI) -> Registrar:
        steps = Steps(self.client, self.owner, wait_s=20)
        return Registrar(
            self.store, self.client, self.place, steps, self.writer.address, uri, self.clock
        )

    def anchorer(
        self,
        kind: Kind = "identity_metadata",
        budget_wei: int = WEI,
        confirmations: int = 1,
        validator: str = "",
    ) -> Anchorer:
        policy = AnchorPolicy(
            kind, 600, 1000, confirmations, budget_wei, "https://agent.example", validator
        )
        return Anchorer(self.store, self.log, self.client, self.writer, self.place, policy, self.clock)

    async def record(self, count: int = 1) -> list[Signed]:
        """Commit records and give them their places in the log."""
        signed = [self.desk.signed() for _ in range(count)]
        await asyncio.gather(
            *(self.store.commit(evidence_op(one, receipt, START_MS)) for one, receipt in signed)
        )
        await Integrator(self.store, LOG, LOG_KEY.name, self.clock).integrate()
        return [one for one, _ in signed]


def new_signer() -> LocalSigner:
    return local_signer(bytes(new_payer().account.key))


@asynccontextmanager
async def site(chain: DevChain, folder: Path) -> AsyncIterator[Site]:
    """A fresh agent-to-be with funded keys."""
    clock = HandClock()
    async with (
        fresh_store(folder, EVIDENCE, CHAIN, AGENT) as store,
        ChainClient(lambda: chain.rpc_url) as client,
    ):
        managers = []
        for _ in range(2):
            signer = new_signer()
            await fund_gas(chain.rpc_url, signer.address)
            manager = TransactionManager(store, client, signer, chain.network, chain.genesis, clock)
            await manager.open()
            managers.append(manager)
        place = Place(chain.network, 31337, chain.genesis, TESTNET, keeper_address())
        desk = open_desk(folder / "keys")
        owner, writer = managers
        yield Site(store, client, place, owner, writer, desk, clock)
        for manager in managers:
            await manager.close()

"""Accounts whose deposits are watched on a chain of their own, and wallets that send there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from settlement.chain import devnet
from settlement.chain.client import ChainClient
from settlement.chain.funding import fund, fund_gas
from settlement.chain.hd import ExtendedKey
from settlement.chain.keys import Transaction, local_signer
from settlement.deposits.addresses import DepositAddresses
from settlement.deposits.deposit import Deposit
from settlement.deposits.deposits import deposits_of
from settlement.deposits.proof import deposit_differences
from settlement.deposits.tables import TABLES
from settlement.deposits.watch import DepositWatch
from settlement.ledger.accounts import Accounts
from settlement.ledger.books import Audit, audit
from settlement.ledger.tables import TABLES as LEDGER
from storage.op import Store
from tests.chains import Payer, new_address, new_payer
from tests.clocks import HandClock
from tests.stores import fresh_store

ROOT = ExtendedKey.of_seed(bytes(32))
ATOMIC = 1_000  # nano-USD
GAS = 100_000


class Node(Protocol):
    """A chain that is up."""

    @property
    def rpc_url(self) -> str: ...

    @property
    def network(self) -> str: ...

    @property
    def usdc(self) -> str: ...

    @property
    def genesis(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Sender:
    """A wallet with USDC and gas, whose transactions can be sent again."""

    payer: Payer
    client: ChainClient
    sent: list[bytes] = field(default_factory=list)

    async def send(self, to: str, amount_atomic: int, token: str = devnet.USDC) -> bytes:
        """Transfer; returns the raw transaction, which is in a block."""
        call = "a9059cbb" + to[2:].rjust(64, "0") + f"{amount_atomic:064x}"
        nonce = await self.client.nonce(self.payer.address)
        fee_wei = 10**10
        unsigned = Transaction(devnet.CHAIN_ID, nonce, token, bytes.fromhex(call), GAS, fee_wei)
        signed = await local_signer(bytes(self.payer.account.key)).sign(unsigned)
        await self.again(signed.raw)
        return signed.raw

    async def again(self, raw: bytes) -> None:
        """Send a transaction that the chain forgot."""
        receipt = await self.client.wait_receipt(await self.client.send_raw(raw))
        assert receipt.succeeded


@dataclass(slots=True)
class Bank:
    """``watch`` looks when it is told to."""

    store: Store
    accounts: Accounts
    addresses: DepositAddresses
    watch: DepositWatch
    client: ChainClient
    chain: Node

    async def account(self) -> tuple[str, str]:
        """A new account, and its address."""
        account_id = (await self.accounts.create("someone")).id
        return account_id, await self.addresses.of(account_id)

    async def sender(self, amount_atomic: int = 1_000_000) -> Sender:
        payer = new_payer()
        await fund(self.chain.rpc_url, payer.address, amount_atomic)
        await fund_gas(self.chain.rpc_url, payer.address)
        return Sender(payer, self.client)

    async def blocks(self, count: int) -> None:
        """Blocks that hold somebody else's transfers."""
        for _ in range(count):
            await fund(self.chain.rpc_url, new_address(), 1)

    async def reorg(self, depth: int) -> None:
        """Replace the last blocks by empty ones: their transactions are forgotten."""
        await self.client.request("anvil_reorg", depth, [])

    async def balance(self, account_id: str) -> int:
        """In atomic USDC."""
        nano_usd = await self.accounts.balance(account_id)
        assert nano_usd % ATOMIC == 0
        return nano_usd // ATOMIC

    async def states(self, account_id: str) -> list[str]:
        return [deposit.state.value for deposit in await self.deposits(account_id)]

    async def deposits(self, account_id: str) -> list[Deposit]:
        return list(await deposits_of(self.store, account_id))

    async def audited(self) -> Audit:
        found = await audit(self.store)
        assert found.faults == ()
        assert found.total_nano_usd == 0
        assert await deposit_differences(self.store) == ()
        return found

    async def reopened(self) -> None:
        """As a new process of the server."""
        self.watch = DepositWatch(
            "dev", self.chain, self.client, self.addresses, self.watch.confirmations
        )
        await self.watch.open()


@asynccontextmanager
async def bank(
    folder: Path, chain: Node, confirmations: int, store: Store | None = None
) -> AsyncIterator[Bank]:
    async with (
        fresh_store(folder, LEDGER, TABLES) as own,
        ChainClient(lambda: chain.rpc_url) as client,
    ):
        books, clock = store or own, HandClock()
        addresses = DepositAddresses(ROOT, books, clock)
        watch = DepositWatch("dev", chain, client, addresses, confirmations)
        await watch.open()
        yield Bank(books, Accounts(books, clock), addresses, watch, client, chain)

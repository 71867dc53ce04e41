"""What accounts see of USDC deposits: where to send, and what came in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from settlement.deposits.addresses import DepositAddresses
from settlement.deposits.deposit import Deposit, State, deposit_from
from settlement.deposits.tables import DEPOSIT, DEPOSIT_ADDRESS
from storage.op import Row, Store


@dataclass(frozen=True, slots=True)
class DepositChain:
    """A chain that is watched: its name, its CAIP-2 id, its USDC, and how many blocks a deposit needs,
    its own included."""

    name: str
    network: str
    usdc: str
    confirmations: int


@dataclass(frozen=True, slots=True)
class Deposits:
    """``chains`` are those that are watched now."""

    addresses: DepositAddresses
    chains: Sequence[DepositChain]

    async def offered(self, account_id: str) -> Sequence[Mapping[str, Any]]:
        """Where an account sends USDC to, on each chain; from now on it is looked for there."""
        address = checksummed(await self.addresses.of(account_id))
        return [
            {
                "chain": chain.name,
                "deposit_address": address,
                "required_confirmations": chain.confirmations,
                "network": chain.network,
                "asset": chain.usdc,
            }
            for chain in self.chains
        ]


async def deposits_of(store: Store, account_id: str) -> Sequence[Deposit]:
    """The deposits of an account, the newest first; those that vanished before they counted are none."""
    query = (
        select(DEPOSIT)
        .where(DEPOSIT.c.account_id == account_id, DEPOSIT.c.state != State.DROPPED.value)
        .order_by(DEPOSIT.c.seen_at_ms.desc(), DEPOSIT.c.transaction_hash, DEPOSIT.c.position)
    )
    return [deposit_from(row) for row in await store.read(query)]


async def to_sweep(store: Store) -> Sequence[Row]:
    """Each address with its path below the extended key, and what was credited there on each network,
    in atomic USDC; ``network`` is None where nothing was."""
    of_address = (DEPOSIT.c.address == DEPOSIT_ADDRESS.c.address) & (
        DEPOSIT.c.state == State.CREDITED.value
    )
    query = (
        select(
            DEPOSIT_ADDRESS.c.root,
            DEPOSIT_ADDRESS.c.path,
            DEPOSIT_ADDRESS.c.address,
            DEPOSIT_ADDRESS.c.account_id,
            DEPOSIT.c.network,
            func.coalesce(func.sum(DEPOSIT.c.amount_atomic), 0).label("credited_atomic"),
        )
        .select_from(DEPOSIT_ADDRESS.outerjoin(DEPOSIT, of_address))
        .group_by(
            DEPOSIT_ADDRESS.c.root,
            DEPOSIT_ADDRESS.c.path,
            DEPOSIT_ADDRESS.c.address,
            DEPOSIT_ADDRESS.c.account_id,
            DEPOSIT.c.network,
        )
        .order_by(DEPOSIT_ADDRESS.c.address, DEPOSIT.c.network)
    )
    return await store.read(query)


def checksummed(address: str) -> str:
    """The EIP-55 spelling."""
    from settlement.x402.eip712 import checksum_address  # it codes for chains, which many know none of

    return checksum_address(address)

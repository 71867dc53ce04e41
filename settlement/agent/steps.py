"""Calls of contracts that are carried out in turn by one key, whatever dies between them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import count
from typing import Final

from base.errors import ServiceUnavailable
from settlement.chain.client import ChainClient, Receipt
from settlement.chain.errors import RpcRefused
from settlement.chain.journal import Entry
from settlement.chain.transactions import TransactionManager, TransactionRefused

_GAS_MARGIN: Final = 1.25


class StepRefused(ServiceUnavailable):
    """The chain refused a call; the message is the chain's."""

    def __init__(self, message: str) -> None:
        super().__init__(message, resolution="Read the reason; nothing else was sent.")


class StepPending(ServiceUnavailable):
    """The transaction is sent and in no block yet."""

    def __init__(self, message: str) -> None:
        super().__init__(message, resolution="Run the command again: it goes on where it is.")


@dataclass(frozen=True, slots=True)
class Steps:
    """``manager`` sends with the key; ``wait_s`` is the longest wait for a block."""

    client: ChainClient
    manager: TransactionManager
    wait_s: float

    async def past(self, name: str) -> AsyncIterator[Receipt]:
        """What the chain says of the transactions that were sent under a name, and are in a block."""
        for attempt in count():
            entry = await self.manager.find(f"{name}/{attempt}")
            if entry is None:
                return
            receipt = await self.client.receipt(entry.hash)
            if receipt is not None:
                yield receipt

    async def carry_out(self, name: str, to: str, data: bytes) -> Receipt:
        """Send a call and wait until it is in a block; one that is under way is waited for.

        Raises StepRefused, StepPending, ChainUnavailable.
        """
        for attempt in count():
            ref = f"{name}/{attempt}"
            entry = await self.manager.find(ref)
            if entry is not None and await self.client.receipt(entry.hash) is not None:
                continue  # carried out before, and what it did was undone or refused
            if entry is None:
                entry = await self._sent(ref, to, data)
            else:
                await self.manager.resend(entry)
            receipt = await self._waited(entry.hash)
            self.manager.mined(entry)
            if not receipt.succeeded:
                raise StepRefused(f"The transaction {entry.hash} was reverted.")
            return receipt
        raise AssertionError("count() ends nowhere")

    async def _sent(self, ref: str, to: str, data: bytes) -> Entry:
        try:
            gas = await self.client.estimate_gas(self.manager.address, to, data)
            return await self.manager.send(ref, to, data, int(_GAS_MARGIN * gas))
        except (RpcRefused, TransactionRefused) as error:
            raise StepRefused(f"The chain refuses it: {error}.") from None

    async def _waited(self, transaction: str) -> Receipt:
        try:
            async with asyncio.timeout(self.wait_s):
                return await self.client.wait_receipt(transaction)
        except TimeoutError:
            raise StepPending(f"The transaction {transaction} is in no block yet.") from None

"""One sender's transactions on one chain: signed and durable first, then sent, in the order of nonces.

A queue gives out the nonces, so that none is left out and none is used twice, and a transaction is in
the Store before a node sees it: after a crash the same bytes are sent again, and the node knows them.
"""

import asyncio
import contextlib
import logging
from collections import deque
from typing import Final

from base.clock import Clock
from settlement.chain import journal
from settlement.chain.client import ChainClient
from settlement.chain.errors import ChainUnavailable, RpcRefused
from settlement.chain.journal import Entry
from settlement.chain.keys import EvmSigner, Transaction
from storage.op import Refused, Store

_FEE_FACTOR: Final = 2
_log = logging.getLogger("batchin.chain")


class TransactionRefused(Exception):
    """The node would not take the transaction; it is not journaled and its nonce is free again."""


class NonceTaken(TransactionRefused):
    """Its nonce was used by a transaction that is not ours."""


class TransactionManager:
    """Sends the transactions of one key. Call ``open`` first, ``close`` last.

    ``genesis`` is the hash of the chain's block 0; entries of another chain are left alone. One process
    sends with a key.
    """

    def __init__(
        self,
        store: Store,
        client: ChainClient,
        signer: EvmSigner,
        network: str,
        genesis: str,
        clock: Clock,
    ) -> None:
        self._store = store
        self._client = client
        self._signer = signer
        self._network = network
        self._genesis = genesis
        self._clock = clock
        self._turn = asyncio.Lock()
        self._sending: set[asyncio.Task[Entry]] = set()
        self._unsent: deque[Entry] = deque()
        self._nonce = 0

    @property
    def address(self) -> str:
        return self._signer.address

    async def open(self) -> None:
        """Find the next nonce, and send again what the chain does not have.

        What can't be sent now is sent with the next one. Raises ChainUnavailable.
        """
        self._nonce = await self._client.nonce(self.address)
        missing = await journal.from_nonce(self._store, self._genesis, self.address, self._nonce)
        self._unsent = deque(missing)
        if missing:
            self._nonce = missing[-1].nonce + 1
            with contextlib.suppress(TransactionRefused, ChainUnavailable):
                await self._flush()

    async def close(self) -> None:
        """Wait for what is being sent."""
        await asyncio.gather(*self._sending, return_exceptions=True)

    async def find(self, ref: str) -> Entry | None:
        """The transaction of a ref on this chain."""
        entry = await journal.find(self._store, ref)
        return entry if entry is not None and entry.genesis == self._genesis else None

    async def send(self, ref: str, to: str, data: bytes, gas: int) -> Entry:
        """Carry out a ref: however often it is called, with one transaction.

        Returns when the node has taken it. Raises ChainUnavailable (it is journaled, and is sent with
        the next one or after a restart) and TransactionRefused. A caller that leaves cancels nothing.
        """
        task = asyncio.create_task(self._send(ref, to, data, gas))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)
        return await asyncio.shield(task)

    async def resend(self, entry: Entry) -> None:
        """Send journaled bytes once more. Raises ChainUnavailable; a node's refusal is no news here."""
        try:
            await self._client.send_raw(entry.raw)
        except RpcRefused:
            return

    def mined(self, entry: Entry) -> None:
        """Note that it is in a block."""
        if entry.state != journal.MINED:
            self._store.submit(journal.mark_mined(entry.ref))

    async def _send(self, ref: str, to: str, data: bytes, gas: int) -> Entry:
        async with self._turn:
            try:
                return await self._carry_out(ref, to, data, gas)
            except NonceTaken:
                return await self._carry_out(ref, to, data, gas)

    async def _carry_out(self, ref: str, to: str, data: bytes, gas: int) -> Entry:
        entry = await self.find(ref)
        if entry is None:
            entry = await self._sign(ref, to, data, gas)
            await self._journal(entry)
        await self._flush()
        return entry

    async def _sign(self, ref: str, to: str, data: bytes, gas: int) -> Entry:
        price = await self._client.gas_price_wei()
        chain_id = await self._client.chain_id()
        transaction = Transaction(chain_id, self._nonce, to, data, gas, _FEE_FACTOR * price)
        signed = await self._signer.sign(transaction)
        return Entry(
            ref=ref,
            network=self._network,
            genesis=self._genesis,
            sender=self.address,
            nonce=self._nonce,
            hash=signed.hash,
            raw=signed.raw,
            created_at_ms=self._clock.now_ms(),
        )

    async def _journal(self, entry: Entry) -> None:
        result = await self._store.commit(journal.add(entry))
        if isinstance(result, Refused):
            raise TransactionRefused(f"{entry.ref} was journaled for another chain")
        self._nonce = entry.nonce + 1
        self._unsent.append(entry)

    async def _flush(self) -> None:
        while self._unsent:
            await self._broadcast(self._unsent[0])
            self._unsent.popleft()

    async def _broadcast(self, entry: Entry) -> None:
        try:
            await self._client.send_raw(entry.raw)
        except RpcRefused as error:
            if not await self._client.knows(entry.hash):
                await self._give_up(entry, error.message)

    async def _give_up(self, entry: Entry, message: str) -> None:
        """A refused transaction must not leave a gap: only the last one's nonce is free again.

        One whose nonce somebody else used can never be mined, wherever it stands in the queue.
        """
        taken = "nonce too low" in message.lower()
        last = self._unsent[-1] is entry
        if not taken and not last:
            raise ChainUnavailable("The chain refuses an earlier transaction.")
        _log.warning("transaction %s of %s was refused: %s", entry.hash, entry.ref, message)
        await self._store.commit(journal.withdraw(entry.ref))
        if not last:
            return
        self._unsent.pop()
        self._nonce = await self._client.nonce(self.address)
        raise NonceTaken(message) if taken else TransactionRefused(message)

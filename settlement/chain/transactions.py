"""One sender's transactions on one chain: signed and durable first, then sent, in the order of nonces.

A queue gives out the nonces, so that none is left out and none is used twice, and a transaction is in
the Store before a node sees it: after a crash the same bytes are sent again, and the node knows them.
"""

import asyncio
import contextlib
import logging
from collections import deque
from dataclasses import replace
from typing import Final

from base.clock import Clock
from base.money import ceil_div
from settlement.chain import journal
from settlement.chain.client import ChainClient, Receipt
from settlement.chain.errors import ChainUnavailable, GasBudgetSpent, RpcRefused
from settlement.chain.fees import DAY_MS, GWEI, Fee, FeePolicy, cost_gwei
from settlement.chain.journal import Entry
from settlement.chain.keys import EvmSigner, Transaction, transaction_of
from storage.op import Refused, Store

_NO_LIMITS: Final = FeePolicy()
_SELF_GAS: Final = 21_000
_TAKEN_AFTER_MS: Final = 30_000
_log = logging.getLogger("batchin.chain")


class TransactionRefused(Exception):
    """The node would not take the transaction; it is not journaled and its nonce is free again."""


class NonceTaken(TransactionRefused):
    """Its nonce was used by a transaction that is not ours."""


class TransactionManager:
    """Sends the transactions of one key. Call ``open`` first, ``close`` last.

    ``genesis`` is the hash of the chain's block 0; entries of another chain are left alone. One process
    sends with a key. ``fees`` bounds what it spends; run ``tend()`` now and then, or ``tending()``
    beside it: it heals what reorgs, lost transactions and low fees do.
    """

    def __init__(
        self,
        store: Store,
        client: ChainClient,
        signer: EvmSigner,
        network: str,
        genesis: str,
        clock: Clock,
        fees: FeePolicy = _NO_LIMITS,
    ) -> None:
        self._fees = fees
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
        self._low = False
        self.float_wei: int | None = None

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

    async def revive(self, entry: Entry) -> None:
        """See that the node has it. What left its block did so because the chain was reorganised. Raises
        ChainUnavailable."""
        was_mined = entry.state == journal.MINED
        if not was_mined and await self._client.knows(entry.hash):
            return
        if was_mined and await self.receipt(entry) is not None:
            return
        if was_mined:
            _log.warning("%s of %s left its block: it is sent again", entry.hash, entry.ref)
        await self.resend(entry)
        await self._store.commit(journal.sent_again(entry.ref, self._clock.now_ms()))

    async def receipt(self, entry: Entry) -> Receipt | None:
        """Of whichever of its versions is in a block. Raises ChainUnavailable."""
        for transaction in entry.hashes:
            receipt = await self._client.receipt(transaction)
            if receipt is not None:
                return receipt
        return None

    def mined(self, entry: Entry, receipt: Receipt | None = None) -> None:
        """Note that it is in a block, and what that cost."""
        if entry.state != journal.MINED:
            cost = None if receipt is None else ceil_div(receipt.fee_wei, GWEI)
            self._store.submit(journal.mark_mined(entry.ref, cost))

    async def spent_gwei(self) -> int:
        """What the transactions of the last day cost, those under way at their most."""
        since_ms = self._clock.now_ms() - DAY_MS
        return await journal.spent_gwei(self._store, self._genesis, self.address, since_ms)

    async def check_budget(self) -> None:
        """Raises GasBudgetSpent when the day's budget has nothing left."""
        await self._afford(0)

    async def tending(self, pause_s: float = 2.0) -> None:
        """``tend()`` until cancelled; trouble is logged and tried again."""
        away = False
        while True:
            try:
                await self.tend()
                if away:
                    _log.warning("the chain of %s answers again", self.address)
                away = False
            except ChainUnavailable:
                if not away:
                    _log.error("the chain of %s does not answer", self.address)
                away = True
            except Exception:  # noqa: BLE001 - the next look tries again
                _log.exception("the transactions of %s are not looked after", self.address)
            await asyncio.sleep(pause_s)

    async def tend(self) -> None:
        """One look at what is not in a block. Raises ChainUnavailable.

        What the node lost, or a reorg threw out, is sent again in its order; a nonce that nothing fills
        any more is filled; what waits too long is replaced at a higher fee; what somebody else's
        transaction took the nonce of is forgotten, so that its ref is carried out anew.
        """
        await self._look_at_float()
        async with self._turn:
            mined = await self._client.mined_nonce(self.address)
            await self._end_taken(mined)
            waiting = list(await journal.from_nonce(self._store, self._genesis, self.address, mined))
            if not waiting:
                self._nonce = await self._client.nonce(self.address)
                self._unsent.clear()
                return
            await self._fill(mined, waiting)
            for entry in waiting:
                await self.revive(entry)
            self._unsent.clear()
            await self._bump(waiting[0])

    async def _end_taken(self, mined: int) -> None:
        """Entries whose nonce is used: they are in a block, or another transaction took their place."""
        now_ms = self._clock.now_ms()
        old = await journal.unmined_before(self._store, self._genesis, self.address, mined)
        for entry in old:
            receipt = await self.receipt(entry)
            if receipt is not None:
                self.mined(entry, receipt)
            elif now_ms - max(entry.sent_at_ms, entry.created_at_ms) >= _TAKEN_AFTER_MS:
                _log.warning("the nonce %s of %s was taken by another", entry.nonce, entry.ref)
                await self._store.commit(journal.withdraw(entry.ref))

    async def _fill(self, mined: int, waiting: list[Entry]) -> None:
        """Nothing after a missing nonce can be mined: a transfer of nothing to ourselves fills it."""
        have = {entry.nonce for entry in waiting}
        for nonce in range(mined, waiting[-1].nonce):
            if nonce not in have:
                _log.warning("nonce %s of %s is missing, and is filled", nonce, self.address)
                ref = f"gap:{self._genesis}:{self.address}:{nonce}"
                entry = await self._sign(ref, self.address, b"", _SELF_GAS, nonce)
                await self._store.commit(journal.withdraw(ref), journal.add(entry))
                waiting.append(entry)
        waiting.sort(key=lambda entry: entry.nonce)

    async def _bump(self, entry: Entry) -> None:
        """Replace the first that waits, at a higher fee; the others wait behind it."""
        now_ms = self._clock.now_ms()
        waited_ms = now_ms - max(entry.sent_at_ms, entry.created_at_ms)
        if waited_ms < self._fees.bump_after_s * 1000 or await self.receipt(entry) is not None:
            return
        old = await asyncio.to_thread(transaction_of, entry.raw)
        price, tip = await self._client.gas_price_wei(), await self._client.tip_wei()
        fee = self._fees.bumped(Fee(old.max_fee_wei, old.tip_wei), price, tip)
        if fee is None:
            _log.error("%s waits, and a higher fee is more than may be paid", entry.ref)
            return
        signed = await self._signer.sign(replace(old, max_fee_wei=fee.max_wei, tip_wei=fee.tip_wei))
        newer = replace(
            entry,
            hash=signed.hash,
            raw=signed.raw,
            state=journal.SIGNED,
            earlier=" ".join(entry.hashes),
            cost_gwei=cost_gwei(old.gas, fee.max_wei),
            sent_at_ms=now_ms,
        )
        if not isinstance(await self._store.commit(journal.replace(entry, newer)), Refused):
            _log.warning("%s waits: replaced by %s at a higher fee", entry.hash, newer.hash)
            await self.resend(newer)

    async def _look_at_float(self) -> None:
        self.float_wei = await self._client.balance_wei(self.address)
        low = self.float_wei < self._fees.least_float_wei
        if low and not self._low:
            _log.error("the gas wallet %s is low: %s wei", self.address, self.float_wei)
        self._low = low

    async def _afford(self, gwei: int) -> None:
        budget = self._fees.day_budget_gwei
        if budget is not None and await self.spent_gwei() + gwei >= budget:
            _log.error("the gas wallet %s has spent its budget of a day", self.address)
            raise GasBudgetSpent

    async def _send(self, ref: str, to: str, data: bytes, gas: int) -> Entry:
        async with self._turn:
            try:
                return await self._carry_out(ref, to, data, gas)
            except NonceTaken:
                return await self._carry_out(ref, to, data, gas)

    async def _carry_out(self, ref: str, to: str, data: bytes, gas: int) -> Entry:
        entry = await self.find(ref)
        if entry is None:
            entry = await self._sign(ref, to, data, gas, self._nonce)
            await self._afford(entry.cost_gwei)
            await self._journal(entry)
        await self._flush()
        return entry

    async def _sign(self, ref: str, to: str, data: bytes, gas: int, nonce: int) -> Entry:
        fee = self._fees.first(await self._client.gas_price_wei(), await self._client.tip_wei())
        chain_id = await self._client.chain_id()
        transaction = Transaction(chain_id, nonce, to, data, gas, fee.max_wei, fee.tip_wei)
        signed = await self._signer.sign(transaction)
        now_ms = self._clock.now_ms()
        return Entry(
            ref=ref,
            network=self._network,
            genesis=self._genesis,
            sender=self.address,
            nonce=nonce,
            hash=signed.hash,
            raw=signed.raw,
            created_at_ms=now_ms,
            cost_gwei=cost_gwei(gas, fee.max_wei),
            sent_at_ms=now_ms,
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
        if "nonce too high" in message.lower():
            raise ChainUnavailable("The chain lost an earlier transaction.")  # tend sends it again
        if not taken and not last:
            raise ChainUnavailable("The chain refuses an earlier transaction.")
        _log.warning("transaction %s of %s was refused: %s", entry.hash, entry.ref, message)
        await self._store.commit(journal.withdraw(entry.ref))
        if not last:
            return
        self._unsent.pop()
        self._nonce = await self._client.nonce(self.address)
        raise NonceTaken(message) if taken else TransactionRefused(message)

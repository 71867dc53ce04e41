"""Watches one chain for deposits: seen, confirmed, credited; taken back when their block is replaced.

Logs only say which transactions to look at: what counts is the transaction's receipt, in a block that is
the chain's own. A deposit is credited with its confirmations, in the commit that says so. The cursor is
the last block with its confirmations, and its hash: as long as the chain has it, nothing that was
credited was replaced.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from sqlalchemy import select

from base.clock import Clock
from settlement.chain.client import ChainClient, Log, Receipt
from settlement.chain.errors import ChainUnavailable, RpcRefused
from settlement.chain.usdc import TRANSFER, address_topic
from settlement.deposits import ops
from settlement.deposits.addresses import DepositAddresses
from settlement.deposits.deposit import Deposit, State, deposit_from
from settlement.deposits.tables import DEPOSIT, DEPOSIT_CURSOR
from storage.op import Key, Op, Refused, Rows, Store

_SPAN: Final = 2_000
_ADDRESSES: Final = 500
_DEEPEST: Final = 1_000
"""Blocks that are read again after a reorganisation that is deeper than the confirmations."""
_KEPT_EACH: Final = 100
"""Blocks after which the cursor is written down; what is read twice counts once."""
_REST_S: Final = 600.0
_logger: Final = logging.getLogger("batchin.deposits")


class Chain(Protocol):
    """``network`` is CAIP-2, ``usdc`` the token, ``genesis`` the hash of block 0."""

    @property
    def network(self) -> str: ...

    @property
    def usdc(self) -> str: ...

    @property
    def genesis(self) -> str: ...


@dataclass(frozen=True, slots=True)
class _Cursor:
    block: int
    block_hash: str


class DepositWatch:
    """``open()`` before any address is told, then ``forever()`` beside; ``name`` is what people call the
    chain, ``confirmations`` how many blocks a deposit needs, its own included."""

    def __init__(
        self,
        name: str,
        chain: Chain,
        client: ChainClient,
        addresses: DepositAddresses,
        confirmations: int,
    ) -> None:
        self.name = name
        self.confirmations = confirmations
        self._chain = chain
        self._client = client
        self._addresses = addresses
        self._store: Store = addresses.store
        self._clock: Clock = addresses.clock
        self._cursor = _Cursor(0, "")
        self._kept = 0
        self._noted: frozenset[tuple[str, str]] = frozenset()
        self._trouble = ""
        self._rested_until_s = 0.0

    @property
    def network(self) -> str:
        return self._chain.network

    async def open(self) -> None:
        """Find where an earlier process was, else begin at the newest block that has its confirmations.

        Raises ChainUnavailable and RpcRefused.
        """
        query = select(DEPOSIT_CURSOR).where(
            DEPOSIT_CURSOR.c.network == self.network, DEPOSIT_CURSOR.c.genesis == self._chain.genesis
        )
        found = await self._store.read(query)
        if found:
            self._cursor = _Cursor(found[0]["block"], found[0]["block_hash"])
            self._kept = self._cursor.block
            return
        await self._move(self._safe(await self._client.height()))
        await self._keep()

    async def forever(self, pause_s: float) -> None:
        """Look until cancelled; trouble is logged once, and tried again."""
        while True:
            try:
                await self.look()
                self._trouble = ""
            except (ChainUnavailable, RpcRefused) as error:
                if self._trouble != str(error):
                    _logger.warning("deposits on %s are not read: %s", self.name, error)
                self._trouble = str(error)
            except Exception:
                _logger.exception("deposits on %s are not read", self.name)
            await asyncio.sleep(pause_s)

    async def look(self) -> None:
        """One look at what the chain has had since the last. Raises ChainUnavailable and RpcRefused."""
        if not await self._addresses.known():
            await self._rest()
            return
        height = await self._client.height()
        before = await self._client.block_hash(self._cursor.block)
        if before is None:  # a node that lags behind tells nothing
            return
        if before != self._cursor.block_hash:
            await self._rewind()
        # those above a cursor of an earlier process; else there are none
        await self._look_again(self._cursor.block + 1)
        reached = _Cursor(self._safe(height), await self._hash(self._safe(height)))
        addresses = await self._addresses.known()  # after the height: each was told before its deposit
        await self._note_new(addresses, height)
        await self._decide(addresses, height)
        if reached.block > self._cursor.block:
            self._cursor = reached
            if reached.block - self._kept >= _KEPT_EACH:
                await self._keep()

    async def _rest(self) -> None:
        """While no address is told nothing can come in: now and then the cursor goes on to the head."""
        now_s = self._clock.monotonic_s()
        if now_s < self._rested_until_s:
            return
        self._rested_until_s = now_s + _REST_S
        safe = self._safe(await self._client.height())
        reached = _Cursor(safe, await self._hash(safe))
        if reached.block > self._cursor.block and not await self._addresses.known():
            self._cursor = reached
            await self._keep()

    async def _note_new(self, addresses: Mapping[str, str], height: int) -> None:
        """Note what the blocks after the cursor show."""
        seen = set()
        async for log in self._logs(tuple(addresses), self._cursor.block + 1, height):
            seen.add((log.transaction, log.block_hash))
        for transaction, block_hash in sorted(seen - self._noted):
            receipt = await self._client.receipt(transaction)
            if receipt is None:
                seen.discard((transaction, block_hash))
                continue
            for found in self._deposits_in(receipt, addresses):
                await self._note(found)
        self._noted = frozenset(seen)

    async def _note(self, found: Deposit) -> None:
        answer = await self._store.commit(ops.note(found))
        if isinstance(answer, Refused):
            await self._take_back(await self._row(found), "its transaction does something else now")
            await self._store.commit(ops.note(found))

    async def _decide(self, addresses: Mapping[str, str], height: int) -> None:
        """Credit what has its confirmations, after a second look; drop what is gone."""
        for seen in await self._in(State.SEEN, 0):
            if seen.block > self._safe(height):
                continue
            receipt = await self._canonical(seen.transaction)
            found = self._same(seen, receipt, addresses)
            if found is None:
                if await self._is_replaced(seen):
                    await self._store.commit(ops.drop(seen))
                    _logger.warning("a deposit is gone before it counted", extra=_told(seen))
            elif found.block_hash != seen.block_hash or not found.same_transfer(seen):
                await self._note(found)  # it moved: it needs its confirmations there
            else:
                await self._credit(seen)

    async def _credit(self, seen: Deposit) -> None:
        answer = await self._store.commit(*ops.credit(seen, self._clock.now_ms()))
        if isinstance(answer, Refused):
            _logger.error("a deposit is not credited", extra={**_told(seen), "why": answer.code})
            return
        _logger.info("a deposit is credited", extra=_told(seen))

    async def _rewind(self) -> None:
        """Blocks below the cursor were replaced: take back what is gone, and read them again."""
        _logger.error("%s replaced blocks that had %s confirmations", self.name, self.confirmations)
        first = max(0, self._cursor.block - _DEEPEST)
        await self._look_again(first)
        self._noted = frozenset()
        await self._move(first)
        await self._keep()

    async def _look_again(self, first_block: int) -> None:
        """Take back what was credited from a block on and is gone, and follow what only moved."""
        addresses = await self._addresses.known()
        for credited in await self._in(State.CREDITED, first_block):
            if not await self._is_replaced(credited):
                continue
            found = self._same(credited, await self._canonical(credited.transaction), addresses)
            if found is None or not found.same_transfer(credited):
                await self._take_back(credited, "its block was replaced")
            else:
                await self._note(found)

    async def _take_back(self, credited: Deposit, why: str) -> None:
        answer = await self._store.commit(*ops.take_back(credited, self._clock.now_ms()))
        if not isinstance(answer, Refused):
            _logger.error("a deposit is taken back: %s", why, extra=_told(credited))

    async def _is_replaced(self, deposit: Deposit) -> bool:
        """Whether the chain has another block where the deposit's was."""
        found = await self._client.block_hash(deposit.block)
        return found is not None and found != deposit.block_hash

    async def _canonical(self, transaction: str) -> Receipt | None:
        """Its receipt, if the block that it names is the chain's own."""
        receipt = await self._client.receipt(transaction)
        if receipt is None or await self._client.block_hash(receipt.block) != receipt.block_hash:
            return None
        return receipt

    def _same(
        self, deposit: Deposit, receipt: Receipt | None, addresses: Mapping[str, str]
    ) -> Deposit | None:
        """What a receipt has where the deposit was."""
        found = self._deposits_in(receipt, addresses) if receipt else ()
        return next((one for one in found if one.position == deposit.position), None)

    def _deposits_in(self, receipt: Receipt, addresses: Mapping[str, str]) -> Iterable[Deposit]:
        if not receipt.succeeded:
            return
        now_ms, token = self._clock.now_ms(), self._chain.usdc.lower()
        for position, log in enumerate(receipt.logs):
            if log.address.lower() != token or len(log.topics) != 3 or log.topics[0] != TRANSFER:
                continue
            address, amount_atomic = "0x" + log.topics[2][-40:], int.from_bytes(log.data, "big")
            account_id = addresses.get(address)
            if account_id is not None and amount_atomic:
                yield Deposit(
                    network=self.network,
                    genesis=self._chain.genesis,
                    transaction=receipt.transaction,
                    position=position,
                    account_id=account_id,
                    address=address,
                    payer="0x" + log.topics[1][-40:],
                    amount_atomic=amount_atomic,
                    block=receipt.block,
                    block_hash=receipt.block_hash,
                    seen_at_ms=now_ms,
                )

    async def _logs(self, addresses: Sequence[str], first: int, last: int) -> AsyncIterator[Log]:
        """Nodes answer for few blocks at once, and say so by an error: then for fewer."""
        span = _SPAN
        while first <= last:
            until = min(last, first + span - 1)
            try:
                found = [
                    log
                    for some in _batched(addresses)
                    for log in await self._client.logs(
                        self._chain.usdc, (TRANSFER, None, [*map(address_topic, some)]), first, until
                    )
                ]
            except RpcRefused:
                if span == 1:
                    raise
                span = max(1, span // 4)
                continue
            for log in found:
                yield log
            first = until + 1

    async def _in(self, state: State, first_block: int) -> Sequence[Deposit]:
        query = select(DEPOSIT).where(
            DEPOSIT.c.network == self.network,
            DEPOSIT.c.genesis == self._chain.genesis,
            DEPOSIT.c.state == state.value,
            DEPOSIT.c.block >= first_block,
        )
        return [deposit_from(row) for row in await self._store.read(query.order_by(DEPOSIT.c.block))]

    async def _row(self, deposit: Deposit) -> Deposit:
        """As it is in the books: reads see what was committed."""
        network, genesis, transaction, position = deposit.key.pk
        query = select(DEPOSIT).where(
            DEPOSIT.c.network == network,
            DEPOSIT.c.genesis == genesis,
            DEPOSIT.c.transaction_hash == transaction,
            DEPOSIT.c.position == position,
        )
        return deposit_from((await self._store.read(query))[0])

    def _safe(self, height: int) -> int:
        """The newest block that has its confirmations."""
        return max(0, height - self.confirmations + 1)

    async def _hash(self, block: int) -> str:
        found = await self._client.block_hash(block)
        if found is None:
            raise ChainUnavailable("The chain's node does not have its own blocks.")
        return found

    async def _move(self, block: int) -> None:
        self._cursor = _Cursor(block, await self._hash(block))

    async def _keep(self) -> None:
        """Write the cursor down."""
        key = Key("deposit_cursor", (self.network, self._chain.genesis))
        row = {
            "network": self.network,
            "genesis": self._chain.genesis,
            "block": self._cursor.block,
            "block_hash": self._cursor.block_hash,
        }

        def fold(rows: Rows) -> None:
            rows.put(key, row)

        await self._store.commit(Op((key,), fold))
        self._kept = self._cursor.block


def _batched(addresses: Sequence[str]) -> Iterable[Sequence[str]]:
    return (addresses[at : at + _ADDRESSES] for at in range(0, len(addresses), _ADDRESSES))


def _told(deposit: Deposit) -> Mapping[str, str | int]:
    return {
        "network": deposit.network,
        "transaction": deposit.transaction,
        "amount_atomic": deposit.amount_atomic,
        "account": deposit.account_id,
    }

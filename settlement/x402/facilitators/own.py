"""Settles on a chain with a gas wallet of our own (x402 schemes ``exact`` and ``upto``)."""

import asyncio
from types import TracebackType
from typing import Final, Protocol, Self

from base.clock import Clock
from settlement.chain.client import ChainClient, Receipt
from settlement.chain.errors import ChainUnavailable, GasBudgetSpent, RpcRefused
from settlement.chain.fees import FeePolicy
from settlement.chain.keys import EvmSigner
from settlement.chain.transactions import TransactionManager, TransactionRefused
from settlement.x402.facilitator import Authorization, Settlement, SettlementState
from settlement.x402.facilitators.looks import Looks, refused
from settlement.x402.facilitators.movement import Movement, movement_of
from settlement.x402.facilitators.reverts import SIMULATION, TRANSACTION
from settlement.x402.reasons import NETWORK_MISMATCH, PENDING
from storage.op import Store

_PAUSE_S: Final = 0.1
_POLL_S: Final = (0.02, 1.0)


class Chain(Protocol):
    """A chain that is up: settlement.chain.devchain.DevChain, whose URL a restart may change, or
    settlement.chain.rpc_chain.RpcChain. ``network`` is CAIP-2, ``genesis`` the hash of block 0."""

    @property
    def rpc_url(self) -> str: ...

    @property
    def network(self) -> str: ...

    @property
    def usdc(self) -> str: ...

    @property
    def genesis(self) -> str: ...


class SelfFacilitator:
    """``async with SelfFacilitator(chain, store, clock, signer, fees) as facilitator``.

    ``signer`` is the gas wallet: it pays for settling, and is never who payers pay, for its key is on
    this machine. ``wait_s`` is how long ``settle`` and ``outcome`` wait for a chain that does not
    answer. Entering raises ChainUnavailable.
    """

    def __init__(
        self,
        chain: Chain,
        store: Store,
        clock: Clock,
        signer: EvmSigner,
        fees: FeePolicy,
        wait_s: float = 30.0,
    ) -> None:
        self._chain = chain
        self._wait_s = wait_s
        self._client = ChainClient(lambda: chain.rpc_url)
        self._transactions = TransactionManager(
            store, self._client, signer, chain.network, chain.genesis, clock, fees
        )
        self._looks = Looks(self._client, signer.address)

    @property
    def address(self) -> str:
        """The gas wallet."""
        return self._transactions.address

    @property
    def client(self) -> ChainClient:
        """The chain, for those who read it beside."""
        return self._client

    @property
    def transactions(self) -> TransactionManager:
        """What it sends, and what that costs."""
        return self._transactions

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        try:
            await self._transactions.open()
        except BaseException:
            await self._client.__aexit__(None, None, None)
            raise
        self._tending = asyncio.create_task(self._transactions.tending())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._tending.cancel()
        await asyncio.wait((self._tending,))
        await self._transactions.close()
        await self._client.__aexit__(kind, error, traceback)

    async def verify(self, authorization: Authorization) -> str | None:
        """Simulates the transfer as the gas wallet would send it now, which checks balance, nonce,
        window and signature at once. Raises ChainUnavailable, where the day's gas is spent too."""
        if not self._serves(authorization):
            return NETWORK_MISMATCH
        await self._transactions.check_budget()
        return await self._looks.refusal(movement_of(authorization))

    async def settle(self, run_id: str, authorization: Authorization) -> Settlement:
        if not self._serves(authorization):
            return Settlement(SettlementState.REFUSED, reason=NETWORK_MISMATCH)
        try:
            async with asyncio.timeout(self._wait_s):
                return await self._settle(_ref(run_id), movement_of(authorization))
        except (TimeoutError, GasBudgetSpent):
            return await self._pending(_ref(run_id))

    async def outcome(self, run_id: str, authorization: Authorization) -> Settlement:
        try:
            async with asyncio.timeout(self._wait_s):
                return await self._outcome(
                    _ref(run_id), movement_of(authorization), authorization.valid_before
                )
        except (TimeoutError, ChainUnavailable, RpcRefused):
            return await self._pending(_ref(run_id))

    async def _settle(self, ref: str, movement: Movement) -> Settlement:
        while True:
            try:
                return await self._attempt(ref, movement)
            except GasBudgetSpent:
                raise
            except (ChainUnavailable, RpcRefused):
                await asyncio.sleep(_PAUSE_S)

    async def _attempt(self, ref: str, movement: Movement) -> Settlement:
        entry = await self._transactions.find(ref)
        if entry is None:
            try:
                gas = await self._looks.estimate(movement)
            except RpcRefused as error:
                paid = await self._looks.paid(movement)
                return paid or refused(await self._looks.reason(movement, error))
            try:
                entry = await self._transactions.send(ref, movement.to, movement.data, gas)
            except TransactionRefused:
                return await self._looks.paid(movement) or refused(TRANSACTION)
        else:
            await self._transactions.resend(entry)
        return await self._judge(movement, await self._wait(ref))

    async def _wait(self, ref: str) -> Receipt:
        """Until a version of it is in a block. Raises ChainUnavailable when it was forgotten."""
        pause_s, most_s = _POLL_S
        while True:
            entry = await self._transactions.find(ref)
            if entry is None:
                raise ChainUnavailable("The transaction's nonce was taken.")
            receipt = await self._transactions.receipt(entry)
            if receipt is not None:
                self._transactions.mined(entry, receipt)
                return receipt
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, most_s)

    async def _outcome(self, ref: str, movement: Movement, valid_before: int) -> Settlement:
        entry = await self._transactions.find(ref)
        if entry is not None:
            receipt = await self._transactions.receipt(entry)
            if receipt is not None:
                self._transactions.mined(entry, receipt)
                return await self._judge(movement, receipt)
            await self._transactions.revive(entry)
        decided = await self._looks.decided(movement, valid_before)
        return decided or Settlement(SettlementState.PENDING, entry.hash if entry else "", PENDING)

    async def _judge(self, movement: Movement, receipt: Receipt) -> Settlement:
        """A receipt's status says little: the events say whether this authorization moved this money."""
        if movement.carried_out(receipt):
            return Settlement(SettlementState.SETTLED, receipt.transaction)
        return await self._looks.paid(movement) or refused(await self._why(movement))

    async def _why(self, movement: Movement) -> str:
        reason = await self._looks.refusal(movement)
        return TRANSACTION if reason in (None, SIMULATION) else reason

    async def _pending(self, ref: str) -> Settlement:
        entry = await self._transactions.find(ref)
        return Settlement(SettlementState.PENDING, entry.hash if entry else "", PENDING)

    def _serves(self, authorization: Authorization) -> bool:
        ours = authorization.asset.lower() == self._chain.usdc.lower()
        return ours and authorization.network == self._chain.network


def _ref(run_id: str) -> str:
    return f"settle:{run_id}"

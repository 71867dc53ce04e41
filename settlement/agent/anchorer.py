"""Writes checkpoints of the log onto a chain: one for all records since the last, within a budget.

An anchor is a row before its transaction is signed, and the transaction is journaled before a node
sees it: what dies goes on where it was. While one is under way its transactions are tended: what a
reorganisation took away is sent again, the same bytes, and what waits too long at a higher fee.
"""

import asyncio
import logging
from dataclasses import dataclass, replace
from typing import Final, Literal

from base.clock import Clock
from base.errors import BatchinError
from settlement.agent import agent as agents
from settlement.agent.agent import Agent, Place
from settlement.agent.registry import RegistryReader, same
from settlement.chain.abi import UnexpectedAnswer
from settlement.chain.client import ChainClient
from settlement.chain.erc8004 import keeper
from settlement.chain.errors import RpcRefused
from settlement.chain.keccak import keccak256
from settlement.chain.transactions import TransactionManager, TransactionRefused
from settlement.evidence import anchors
from settlement.evidence.anchors import Anchor, AnchorBook, AnchorState
from settlement.evidence.log import Head, Log
from storage.op import Store

Kind = Literal["identity_metadata", "validation_registry"]
_POLL_S: Final = 2.0
_GAS_MARGIN: Final = 1.25
_FEE_MARGIN: Final = 2  # settlement.chain.fees offers so much more than a node asks for
_DAY_MS: Final = 86_400_000
_log = logging.getLogger("batchin.agent")


@dataclass(frozen=True, slots=True)
class AnchorPolicy:
    """When and how to anchor: after ``every_s`` seconds or ``records`` records; final
    at ``confirmations`` blocks. ``budget_wei`` is the most that a day may cost. ``validator`` is the
    address asked where ``kind`` is validation_registry; ``base_url`` is where it finds the anchor."""

    kind: Kind
    every_s: float
    records: int
    confirmations: int
    budget_wei: int
    base_url: str
    validator: str = ""


class Anchorer:
    """Anchors the log of a store with the key of ``manager``, which the agent's owner appointed."""

    def __init__(
        self,
        store: Store,
        log: Log,
        client: ChainClient,
        manager: TransactionManager,
        place: Place,
        policy: AnchorPolicy,
        clock: Clock,
    ) -> None:
        self._store = store
        self._log = log
        self._book = AnchorBook(store, log)
        self._client = client
        self._manager = manager
        self._place = place
        self._policy = policy
        self._clock = clock
        self._trouble = ""
        self._turn = asyncio.Lock()

    @property
    def trouble(self) -> str:
        """Why nothing is anchored now; "" when nothing is wrong."""
        return self._trouble

    async def forever(self) -> None:
        """Anchor until cancelled; trouble is logged once and tried again."""
        while True:
            await self.step()
            await asyncio.sleep(_POLL_S)

    async def step(self, *, now: bool = False) -> None:
        """Look after the anchors under way, and begin one that is due; ``now``: whatever the policy's
        times say."""
        async with self._turn:
            try:
                trouble = await self._step(now)
            except (BatchinError, RpcRefused, TransactionRefused, UnexpectedAnswer) as error:
                trouble = str(error)
            except Exception:  # noqa: BLE001 - the next round may do better
                _log.exception("the log is not anchored")
                trouble = "The server's log says why."
            if trouble and trouble != self._trouble:
                _log.warning("the log is not anchored: %s", trouble)
            self._trouble = trouble

    async def _step(self, now: bool) -> str:
        agent = await agents.find(self._store, self._place)
        if agent is None:
            return "The server is not registered as an agent: run batchin agent register."
        unfinished = await self._book.unfinished(self._place.genesis)
        if unfinished:
            await self._manager.tend()
        height = await self._client.height()
        waiting = False
        for anchor in unfinished:
            seen = await self._seen(anchor, height)
            waiting = waiting or seen.state is AnchorState.SENT
        if waiting:
            return ""
        head, last = await self._log.head(), await self._book.latest(self._place.genesis)
        if not self._due(head, last, now):
            return ""
        return await self._begin(agent, head, last)

    def _due(self, head: Head, last: Anchor | None, now: bool) -> bool:
        if head.note is None:
            return False
        if last is None:
            return True
        if last.state is not AnchorState.FAILED and head.size <= last.size:
            return False
        waited_s = (self._clock.now_ms() - last.at_ms) / 1000
        new = head.size - last.size
        return now or waited_s >= self._policy.every_s or new >= self._policy.records

    async def _begin(self, agent: Agent, head: Head, last: Anchor | None) -> str:
        assert head.note is not None
        refusal = await self._refusal(agent)
        if refusal:
            return refusal
        at_ms = self._clock.now_ms()
        if last is not None and last.size == head.size:
            anchor = last.again(at_ms)
        else:
            anchor = Anchor(
                genesis=self._place.genesis,
                size=head.size,
                kind=self._policy.kind,
                network=self._place.network,
                registry=self._registry,
                agent_id=agent.agent_id,
                note=head.note,
                digest="0x" + keccak256(head.note.encode()).hex(),
                at_ms=at_ms,
            )
        to, data = self._call(agent, anchor)
        gas = int(_GAS_MARGIN * await self._client.estimate_gas(self._manager.address, to, data))
        cost = gas * _FEE_MARGIN * await self._client.gas_price_wei()
        spent = await self._book.spent_wei(self._place.genesis, at_ms - _DAY_MS)
        if spent + cost > self._policy.budget_wei:
            return (
                f"The gas budget of a day is used up: {spent} of {self._policy.budget_wei} wei, and an "
                f"anchor costs up to {cost}."
            )
        await self._store.commit(anchors.save(anchor))
        entry = await self._manager.send(anchor.ref, to, data, gas)
        await self._store.commit(anchors.save(replace(anchor, transaction=entry.hash)))
        return ""

    async def _refusal(self, agent: Agent) -> str:
        reader = RegistryReader(self._client, self._place)
        if not same(await reader.approved(agent.number), self._place.keeper):
            return "The AnchorKeeper is not approved for the agent: run batchin agent register."
        if not same(await reader.writer(agent.number), self._manager.address):
            return "The anchor key is not appointed by the agent's owner: run batchin agent register."
        if self._policy.kind == "validation_registry":
            return await self._validator_problem(reader, agent)
        return ""

    async def _validator_problem(self, reader: RegistryReader, agent: Agent) -> str:
        """Who validates himself proves nothing."""
        if not await reader.stands(self._place.registries.validation):
            return f"No Validation Registry stands on {self._place.network}."
        owner, wallet = await reader.owner(agent.number), await reader.wallet(agent.number)
        ours = (owner, wallet, self._manager.address, agent.owner)
        if any(same(self._policy.validator, own) for own in ours):
            return "The validator is the agent itself: set [agent] validator to an independent one."
        return ""

    @property
    def _registry(self) -> str:
        if self._policy.kind == "validation_registry":
            return self._place.registries.validation
        return self._place.registries.identity

    def _call(self, agent: Agent, anchor: Anchor) -> tuple[str, bytes]:
        digest = bytes.fromhex(anchor.digest[2:])
        identity = self._place.registries.identity
        if anchor.kind == "identity_metadata":
            return self._place.keeper, keeper.ANCHOR.call(identity, agent.number, digest)
        uri = f"{self._policy.base_url}/v1/audit/anchors/{anchor.digest}"
        asked = (identity, agent.number, anchor.registry, self._policy.validator, uri, digest)
        return self._place.keeper, keeper.VALIDATE.call(*asked)

    async def _seen(self, anchor: Anchor, height: int) -> Anchor:
        """The anchor as the chain has it now, in whichever version of its transaction."""
        entry = await self._manager.find(anchor.ref)
        if entry is None:  # it died, or the chain refused it, before anything was journaled
            seen = replace(anchor, state=AnchorState.FAILED)
        else:
            receipt = await self._manager.receipt(entry)
            if receipt is None:
                seen = replace(anchor, transaction=entry.hash, block=0, state=AnchorState.SENT)
            else:
                self._manager.mined(entry, receipt)
                final = height - receipt.block + 1 >= self._policy.confirmations
                state = AnchorState.FINAL if final else AnchorState.MINED
                seen = replace(
                    anchor,
                    transaction=receipt.transaction,
                    block=receipt.block,
                    gas_used=receipt.gas_used,
                    fee_wei=receipt.fee_wei,
                    state=state if receipt.succeeded else AnchorState.FAILED,
                )
        if seen != anchor:
            await self._store.commit(anchors.save(seen))
        return seen

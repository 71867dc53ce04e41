"""Settles by facilitators of others over HTTP, and believes none of them: ``exact`` with EIP-3009, and
``upto`` with Permit2 by the one that the payer named.

The payer's authorization works once, whoever sends it: so another facilitator may be asked where one
gave no answer, and our own node tells what truly happened.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Final, Self

import aiohttp

from base.clock import Clock
from settlement.chain.client import ChainClient
from settlement.chain.errors import ChainUnavailable, RpcRefused
from settlement.x402.facilitator import Authorization, Method, Scheme, Settlement, SettlementState
from settlement.x402.facilitators.endpoint import Breaker, Endpoint, NoAnswer, NotSent
from settlement.x402.facilitators.looks import Looks, refused
from settlement.x402.facilitators.movement import Movement, movement_of
from settlement.x402.facilitators.own import Chain
from settlement.x402.facilitators.wire import request_of
from settlement.x402.reasons import NETWORK_MISMATCH, PENDING
from settlement.x402.sale import Asset

_ANYBODY: Final = "0x" + "0" * 40
_PENDING: Final = Settlement(SettlementState.PENDING, "", PENDING)
_POLL_S: Final = 0.2
_HEARD_S: Final = 3.0  # our node may hear of a transaction a moment later
_AGAIN_S: Final = 10.0
_NOTED: Final = 10_000
_GREET_S: Final = 5.0
_log: Final = logging.getLogger("batchin.x402")


@dataclass(frozen=True, slots=True)
class Remote:
    """Where a facilitator is, and what authorizes us there. ``settler`` is the address with which it
    settles ``upto``, "" where it does not."""

    url: str
    headers: Mapping[str, str]
    timeout_s: float = 30.0
    settler: str = ""


async def with_settlers(remotes: Sequence[Remote], network: str) -> tuple[Remote, ...]:
    """Ask each with which address it settles ``upto`` on a network; a silent one has none."""
    async with aiohttp.ClientSession() as session:
        settlers = await asyncio.gather(*(_settler(session, one, network) for one in remotes))
    return tuple(replace(one, settler=found) for one, found in zip(remotes, settlers, strict=True))


async def _settler(session: aiohttp.ClientSession, remote: Remote, network: str) -> str:
    breaker = Breaker(lambda: 0.0)
    endpoint = Endpoint(
        remote.url.rstrip("/"), session, breaker, remote.headers, min(remote.timeout_s, _GREET_S)
    )
    try:
        return await endpoint.settler(network)
    except (NotSent, NoAnswer):
        return ""


class RemoteFacilitator:
    """``async with RemoteFacilitator(chain, asset, remotes, clock) as facilitator``.

    ``remotes`` are asked in their order, those that fail are left out for a while. A settlement of
    ``confirm_from_atomic`` or more counts when our own node has seen its transfer, within ``wait_s``;
    smaller ones are believed at first, and looked for like all others soon after. Entering raises
    ChainUnavailable where our node does not answer.
    """

    def __init__(
        self,
        chain: Chain,
        asset: Asset,
        remotes: Sequence[Remote],
        clock: Clock,
        confirm_from_atomic: int = 0,
        wait_s: float = 30.0,
    ) -> None:
        self._chain = chain
        self._asset = asset
        self._remotes = tuple(remotes)
        self._clock = clock
        self._confirm_from_atomic = confirm_from_atomic
        self._wait_s = wait_s
        self._client = ChainClient(lambda: chain.rpc_url)
        self._looks = Looks(self._client, _ANYBODY)
        self._endpoints: tuple[Endpoint, ...] = ()
        self._asked_s: dict[str, float] = {}

    @property
    def client(self) -> ChainClient:
        """The chain, for those who read it beside."""
        return self._client

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        self._session = aiohttp.ClientSession()
        self._endpoints = tuple(
            Endpoint(
                remote.url.rstrip("/"),
                self._session,
                Breaker(self._clock.monotonic_s),
                remote.headers,
                remote.timeout_s,
            )
            for remote in self._remotes
        )
        try:
            await self._client.chain_id()
            await asyncio.gather(*map(self._greet, self._endpoints))
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._session.close()
        await self._client.__aexit__(kind, error, traceback)

    async def verify(self, authorization: Authorization) -> str | None:
        """Asks our own node and a facilitator at once. Raises ChainUnavailable when none answers."""
        if not self._serves(authorization):
            return NETWORK_MISMATCH
        ours, theirs = await asyncio.gather(
            self._looks_of(authorization).refusal(movement_of(authorization)),
            self._verified(authorization),
        )
        return ours or theirs

    async def settle(self, run_id: str, authorization: Authorization) -> Settlement:
        if not self._serves(authorization):
            return refused(NETWORK_MISMATCH)
        try:
            async with asyncio.timeout(self._wait_s):
                return await self._settle(run_id, authorization)
        except (TimeoutError, ChainUnavailable, RpcRefused):
            return _PENDING

    async def outcome(self, run_id: str, authorization: Authorization) -> Settlement:
        """What is not decided is given to the facilitators again, now and then: the last one may have
        lied, or died with it."""
        movement = movement_of(authorization)
        try:
            async with asyncio.timeout(self._wait_s):
                decided = await self._looks.decided(movement, authorization.valid_before)
                if decided is not None or not self._asks_again(authorization.nonce):
                    return decided or _PENDING
                return await self._settle(run_id, authorization)
        except (TimeoutError, ChainUnavailable, RpcRefused):
            return _PENDING

    def _asks_again(self, nonce: str) -> bool:
        return self._clock.monotonic_s() >= self._asked_s.get(nonce, 0.0) + _AGAIN_S

    async def _greet(self, endpoint: Endpoint) -> None:
        """Say at once what will not work. Raises nothing."""
        try:
            if not await endpoint.supports(Scheme.EXACT.value, self._chain.network):
                _log.error("%s does not settle exact on %s", endpoint.url, self._chain.network)
        except (NotSent, NoAnswer):
            _log.warning("the facilitator %s does not answer", endpoint.url)

    async def _verified(self, authorization: Authorization) -> str | None:
        body = request_of(authorization, self._asset, authorization.value_atomic)
        for endpoint in self._asked(authorization):
            try:
                return await endpoint.verify(body)
            except (NotSent, NoAnswer):
                _log.warning("the facilitator %s does not answer", endpoint.url)
        raise ChainUnavailable("No facilitator answers.")

    async def _settle(self, run_id: str, authorization: Authorization) -> Settlement:
        movement = movement_of(authorization)
        body = request_of(authorization, self._asset, authorization.moves_atomic)
        self._note(authorization.nonce)
        reason = ""
        for endpoint in self._asked(authorization):
            known = await self._looks.decided(movement, authorization.valid_before)
            if known is not None:
                return known  # an earlier one did it, or an earlier process
            try:
                transaction, reason = await endpoint.settle(body)
            except (NotSent, NoAnswer):
                _log.warning("the facilitator %s gave no answer for %s", endpoint.url, run_id)
                continue
            if not reason:
                settled = await self._believed(endpoint, run_id, authorization, transaction)
                if settled is not None:
                    return settled
                continue
            if reason == PENDING:
                return Settlement(SettlementState.PENDING, transaction, PENDING)
        return await self._refused(movement, authorization, reason)

    async def _refused(
        self, movement: Movement, authorization: Authorization, reason: str
    ) -> Settlement:
        """None settled it. It is over when our node would refuse it too; else it may still be carried
        out by whoever has it, and is waited for to the end of its window."""
        decided = await self._looks.decided(movement, authorization.valid_before)
        if decided is not None or not reason:
            return decided or _PENDING
        ours = await self._looks_of(authorization).refusal(movement)
        return _PENDING if ours is None else refused(ours)

    async def _believed(
        self, endpoint: Endpoint, run_id: str, authorization: Authorization, transaction: str
    ) -> Settlement | None:
        """Its word, as far as our node confirms it; None when it lied."""
        if authorization.moves_atomic < self._confirm_from_atomic and transaction:
            return Settlement(SettlementState.SETTLED, transaction)
        movement = movement_of(authorization)
        now_s = self._clock.monotonic_s
        until_s, heard_s = now_s() + self._wait_s / 2, now_s() + _HEARD_S
        while True:
            receipt = await self._client.receipt(transaction) if transaction else None
            if receipt is not None and movement.carried_out(receipt):
                return Settlement(SettlementState.SETTLED, receipt.transaction)
            if receipt is not None or not transaction or now_s() >= until_s:
                break
            if now_s() >= heard_s and not await self._client.knows(transaction):
                break
            await asyncio.sleep(_POLL_S)
        decided = await self._looks.decided(movement, authorization.valid_before)
        if decided is None and receipt is None and transaction and await self._client.knows(transaction):
            return Settlement(SettlementState.PENDING, transaction, PENDING)  # the chain is slow
        if decided is None or decided.state is not SettlementState.SETTLED:
            endpoint.breaker.lied()
            _log.error(
                "the facilitator %s says that %s is settled by %r, and our node sees no such transfer",
                endpoint.url,
                run_id,
                transaction,
            )
        return decided

    def _note(self, nonce: str) -> None:
        """When it was given to facilitators last; what is long ago is forgotten."""
        now_s = self._clock.monotonic_s()
        if len(self._asked_s) >= _NOTED:
            recent = {one: at_s for one, at_s in self._asked_s.items() if at_s > now_s - _AGAIN_S}
            self._asked_s = recent
        self._asked_s[nonce] = now_s

    def _asked(self, authorization: Authorization) -> Sequence[Endpoint]:
        """Those whose breaker lets requests pass; all, where none does. What names one is its alone."""
        named = authorization.facilitator.lower()
        able = [
            endpoint
            for endpoint, remote in zip(self._endpoints, self._remotes, strict=True)
            if not named or remote.settler.lower() == named
        ]
        return [one for one in able if one.breaker.open] or able

    def _looks_of(self, authorization: Authorization) -> Looks:
        """Anybody may send what EIP-3009 allows, and only whom it names a permit of ``upto``."""
        named = authorization.facilitator
        return Looks(self._client, named) if named else self._looks

    def _serves(self, authorization: Authorization) -> bool:
        ours = authorization.asset.lower() == self._asset.address.lower()
        way = (authorization.scheme, authorization.method)
        able = way == (Scheme.EXACT, Method.EIP3009) or (
            way == (Scheme.UPTO, Method.PERMIT2) and bool(self._asked(authorization))
        )
        return ours and able and authorization.network == self._chain.network

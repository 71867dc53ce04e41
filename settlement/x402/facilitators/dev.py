"""Settles on the development chain with a gas wallet of its own, whose gas is a gift.

It serves eip155:31337 and its USDC alone: what is signed for it is worth nothing anywhere else.
"""

from pathlib import Path
from types import TracebackType
from typing import Final, Self

from base.clock import Clock
from settlement.chain import devnet
from settlement.chain.client import ChainClient
from settlement.chain.fees import FeePolicy
from settlement.chain.funding import fund_gas
from settlement.chain.keys import file_signer
from settlement.chain.transactions import TransactionManager
from settlement.x402.facilitator import Authorization, Settlement
from settlement.x402.facilitators.own import Chain, SelfFacilitator
from storage.op import Store

_LEAST_GAS_WEI: Final = 10**18


class DevFacilitator:
    """``async with DevFacilitator(chain, store, clock, gas_key) as facilitator``.

    ``gas_key`` is the key file of the wallet that pays for gas, made and funded at first use. ``wait_s``
    is how long ``settle`` and ``outcome`` wait for a chain that does not answer. Raises ValueError for
    another chain than the development chain; entering raises ChainUnavailable and
    base.secret_file.KeyFileError.
    """

    def __init__(
        self,
        chain: Chain,
        store: Store,
        clock: Clock,
        gas_key: Path,
        wait_s: float = 30.0,
        fees: FeePolicy = FeePolicy(),  # noqa: B008 - frozen
    ) -> None:
        if chain.network != devnet.NETWORK:
            raise ValueError(f"{chain.network} is not the development chain")
        self._chain = chain
        self._store = store
        self._clock = clock
        self._gas_key = gas_key
        self._wait_s = wait_s
        self._fees = fees

    @property
    def address(self) -> str:
        """The gas wallet."""
        return self._own.address

    @property
    def client(self) -> ChainClient:
        """The chain, for those who read it beside."""
        return self._own.client

    @property
    def transactions(self) -> TransactionManager:
        return self._own.transactions

    async def __aenter__(self) -> Self:
        signer = await file_signer(self._gas_key)
        async with ChainClient(lambda: self._chain.rpc_url) as client:
            if await client.balance_wei(signer.address) < _LEAST_GAS_WEI:
                await fund_gas(self._chain.rpc_url, signer.address)
        self._own = SelfFacilitator(
            self._chain, self._store, self._clock, signer, self._fees, self._wait_s
        )
        await self._own.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._own.__aexit__(kind, error, traceback)

    async def verify(self, authorization: Authorization) -> str | None:
        return await self._own.verify(authorization)

    async def settle(self, run_id: str, authorization: Authorization) -> Settlement:
        return await self._own.settle(run_id, authorization)

    async def outcome(self, run_id: str, authorization: Authorization) -> Settlement:
        return await self._own.outcome(run_id, authorization)

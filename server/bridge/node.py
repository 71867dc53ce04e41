"""A node of the wallet's chain: whether a payment by ``upto`` moved what its server says it moved."""

from collections.abc import Mapping
from typing import Any, Final

import anyio

from settlement.chain.client import ChainClient
from settlement.chain.errors import ChainUnavailable, RpcRefused
from settlement.chain.permit2 import UPTO_PROXY, Permit, settles

_LOOK_S: Final = 5.0


class Node:
    """Asked at each payment by ``upto``, before it is signed and after it was settled."""

    def __init__(self, rpc_url: str) -> None:
        self._rpc_url = rpc_url

    async def is_on(self, network: Any) -> bool:
        """Whether it is a node of this chain (CAIP-2). Raises ChainUnavailable, RpcRefused."""
        async with self._client() as client:
            return bool(network == f"eip155:{await client.chain_id()}")

    async def moved_atomic(self, signed: Mapping[str, Any], settlement: Mapping[str, Any]) -> int | None:
        """What a settlement took of the payload that was signed for it, in atomic units.

        None where the chain does not show that it settled just this permit with just that amount: a
        server that tells of another transaction might still take all that was signed.
        """
        try:
            with anyio.fail_after(_LOOK_S):
                return await self._moved(_permit(signed), settlement)
        except (ChainUnavailable, RpcRefused, TimeoutError, KeyError, TypeError, ValueError):
            return None

    async def _moved(self, permit: Permit, settlement: Mapping[str, Any]) -> int | None:
        amount_atomic, transaction = int(settlement["amount"]), str(settlement["transaction"])
        if not 0 <= amount_atomic <= permit.value_atomic:
            return None
        async with self._client() as client:
            sent, receipt = await client.sent(transaction), await client.receipt(transaction)
        if sent is None or receipt is None or not receipt.succeeded:
            return None
        ours = sent.to.lower() == UPTO_PROXY.lower() and settles(permit, amount_atomic, sent.data)
        return amount_atomic if ours else None

    def _client(self) -> ChainClient:
        return ChainClient(lambda: self._rpc_url)


def _permit(signed: Mapping[str, Any]) -> Permit:
    """Raises KeyError, TypeError and ValueError for what is no permit of scheme ``upto``."""
    permit = signed["permit2Authorization"]
    witness, permitted = permit["witness"], permit["permitted"]
    return Permit(
        token=permitted["token"],
        owner=permit["from"],
        payee=witness["to"],
        value_atomic=int(permitted["amount"]),
        valid_after=int(witness["validAfter"]),
        deadline=int(permit["deadline"]),
        nonce=int(permit["nonce"]),
        signature=bytes.fromhex(signed["signature"].removeprefix("0x")),
        facilitator=witness["facilitator"],
    )

"""Pays the calls of the bridge: signs what a challenge asks for, and sees what an answer settled."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2
import mcp_types as types

from server.bridge.wallet import UPTO, Paid, Wallet
from server.mcp.results import CHARGE, PAYMENT, PAYMENT_RESPONSE


@dataclass(frozen=True, slots=True)
class Till:
    """``http`` reaches the server without credentials: to sign in for what a payment left."""

    wallet: Wallet
    http: httpx2.AsyncClient
    _signed: dict[types.RequestId, Paid] = field(default_factory=dict)

    async def pay(
        self, request: types.JSONRPCRequest, challenge: Mapping[str, Any]
    ) -> types.JSONRPCRequest:
        """The same request, paid. Raises Unaffordable."""
        paid = await self.wallet.pay(challenge, streamed="progressToken" in meta_of(request))
        self._signed[request.id] = paid
        meta = {**meta_of(request), PAYMENT: paid.payload}
        return request.model_copy(update={"params": {**(request.params or {}), "_meta": meta}})

    async def answered(self, request_id: types.RequestId, meta: Mapping[str, Any]) -> None:
        """A paid call was answered: what it moved is counted, and what it left may be spent."""
        paid, settlement = self._signed.pop(request_id, None), meta.get(PAYMENT_RESPONSE)
        if paid is None or not isinstance(settlement, Mapping):
            return
        await self.wallet.settled(paid, settlement)
        charge = meta.get(CHARGE)
        leaves = isinstance(charge, Mapping) and charge.get("credit_nano_usd")
        if leaves and paid.offer["scheme"] != UPTO:  # which leaves what its rounding does
            await self.wallet.sign_in(self.http, str(paid.offer["network"]))

    def forget(self, request_id: types.RequestId) -> None:
        """The call was given up: what was signed for it stays counted."""
        self._signed.pop(request_id, None)


def meta_of(request: types.JSONRPCRequest) -> Mapping[str, Any]:
    meta = (request.params or {}).get("_meta")
    return meta if isinstance(meta, Mapping) else {}

"""A facilitator of somebody else over HTTP, which settles on a real chain, honestly or not."""

from collections import Counter as TallyOf
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from x402.schemas import SettleRequest, VerifyRequest

from settlement.x402.authorization import authorization_of
from settlement.x402.facilitator import Authorization, Facilitator, SettlementState
from settlement.x402.payload import PaymentV2, payment_from

SECRET = "Bearer of-the-operator"
NOWHERE = "0x" + "ab" * 32


@dataclass
class Counter:
    """A facilitator of somebody else, which settles on the real chain, as its ``mood`` has it:

    honest; lie (says that it settled by the transaction ``lie``, and did nothing); steal (settles and
    says that it failed); mute (settles and closes the connection); garbage; error (500); refuse.
    """

    own: Facilitator
    network: str
    mood: str = "honest"
    lie: str = NOWHERE
    url: str = ""
    settler: str = ""
    asked: TallyOf[str] = field(default_factory=TallyOf)
    keys: set[str] = field(default_factory=set)

    async def supported(self, request: web.Request) -> web.Response:
        kinds: list[dict[str, object]] = [{"x402Version": 2, "scheme": "exact", "network": self.network}]
        if self.settler:
            extra = {"facilitatorAddress": self.settler}
            kinds.append({**kinds[0], "scheme": "upto", "extra": extra})
        return web.json_response({"kinds": kinds, "extensions": [], "signers": {}})

    async def verify(self, request: web.Request) -> web.Response:
        self._count(request, "verify")
        if self.mood == "error":
            return web.Response(status=500, text="oops")
        wanted = VerifyRequest.model_validate(await request.json())
        reason = await self.own.verify(_authorization(wanted))
        if self.mood == "lie":
            reason = None
        return web.json_response({"isValid": reason is None, "invalidReason": reason})

    async def settle(self, request: web.Request) -> web.Response:
        self._count(request, "settle")
        if self.mood == "error":
            return web.Response(status=500, text="oops")
        if self.mood == "garbage":
            return web.Response(text="<html>")
        wanted = SettleRequest.model_validate(await request.json())
        told = {"network": self.network, "payer": None}
        if self.mood == "lie":
            return web.json_response({**told, "success": True, "transaction": self.lie})
        if self.mood == "refuse":
            return web.json_response(
                {**told, "success": False, "errorReason": "not_today", "transaction": ""}
            )
        authorization = _authorization(wanted)
        done = await self.own.settle(f"run_{authorization.nonce}", authorization)
        if self.mood == "mute":
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        success = done.state is SettlementState.SETTLED and self.mood != "steal"
        return web.json_response(
            {
                **told,
                "success": success,
                "errorReason": None if success else done.reason or "unexpected_settle_error",
                "transaction": done.transaction if success else "",
            }
        )

    def _count(self, request: web.Request, what: str) -> None:
        self.asked[what] += 1
        self.keys.add(request.headers.get("authorization", ""))


def _authorization(wanted: VerifyRequest | SettleRequest) -> Authorization:
    """As its own reading of the request has it, by our reading of a payer's payload."""
    if wanted.payment_requirements.scheme == "upto":
        return _permit(wanted)
    signed = wanted.payment_payload.payload["authorization"]
    asked = wanted.payment_requirements
    return Authorization(
        network=asked.network,
        asset=asked.asset,
        payer=signed["from"],
        payee=signed["to"],
        value_atomic=int(signed["value"]),
        valid_after=int(signed["validAfter"]),
        valid_before=int(signed["validBefore"]),
        nonce=signed["nonce"],
        signature=bytes.fromhex(wanted.payment_payload.payload["signature"][2:]),
    )


def _permit(wanted: VerifyRequest | SettleRequest) -> Authorization:
    sent = wanted.payment_payload.model_dump(by_alias=True, exclude_none=True)
    asked = wanted.payment_requirements
    payment = payment_from(sent, "paymentPayload")
    assert isinstance(payment, PaymentV2)
    return authorization_of(payment.payload, asked.network, asked.asset, int(asked.amount))


@asynccontextmanager
async def counter(own: Facilitator, network: str) -> AsyncIterator[Counter]:
    """It serves on loopback until it is left."""
    shop = Counter(own, network)
    app = web.Application()
    app.router.add_get("/supported", shop.supported)
    app.router.add_post("/verify", shop.verify)
    app.router.add_post("/settle", shop.settle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        shop.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield shop
    finally:
        await runner.cleanup()

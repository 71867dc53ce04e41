"""How calls are paid: by balance or by x402, each key of idempotency once."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass

from server.parts.ground import Ground
from server.parts.money import Money
from server.payments import x402_rail
from server.wallets import sign_in_of
from settlement.balance import BalanceRail
from settlement.evidence.recorder import Recorder
from settlement.idempotency.rail import IdempotentRail
from settlement.rail import Rail
from settlement.rails import Rails
from settlement.sign_in.sign_in import SignIn
from settlement.x402.desk import Desk
from settlement.x402.rail import X402Rail
from settlement.x402.reconciliation import Reconciliation
from settlement.x402.statements import Statements
from tools.lasting import LastingRail
from tools.owner import Owner


@dataclass(frozen=True, slots=True)
class Paying:
    """``rail`` is what calls are authorized by. The others are None where x402 is off: who compares its
    books, and how a wallet signs in."""

    rail: Rail
    reconciliation: Reconciliation | None
    wallets: SignIn | None


@asynccontextmanager
async def paying(
    ground: Ground, money: Money, recorder: Recorder, owner: Owner
) -> AsyncIterator[Paying]:
    """Payments of an earlier process are ended before the block begins, or beside it."""
    async with _x402(ground, money, recorder) as x402:
        lasting = LastingRail(x402, owner) if x402 else None
        balance = BalanceRail(ground.store, recorder, ground.clock)
        rails = Rails(balance, lasting, ground.store.hopeful)
        yield Paying(
            rail=IdempotentRail(rails, ground.once, ground.proofs()),
            reconciliation=x402.reconciliation if x402 else None,
            wallets=_wallets(ground, money, x402) if x402 else None,
        )


def _x402(
    ground: Ground, money: Money, recorder: Recorder
) -> AbstractAsyncContextManager[X402Rail | None]:
    if not money.places:
        return nullcontext()
    settings = ground.settings
    desk = Desk(
        store=ground.store,
        recorder=recorder,
        proofs=ground.proofs(),
        tokens=ground.keys,
        sealer=ground.sealer,
        clock=ground.clock,
        lease=ground.store.lease,
        result_ttl_s=settings.result_ttl_s,
        token_ttl_s=settings.access_token_ttl_s,
        statements=Statements(ground.ring, ground.url, ground.clock),
    )
    return x402_rail(settings, money.places, desk)


def _wallets(ground: Ground, money: Money, rail: X402Rail) -> SignIn:
    books = (ground.store, ground.keys, ground.sealer)
    return sign_in_of(ground.settings, ground.url, money.networks, *books, rail.wallets, ground.clock)

"""Where the steps of a payment are committed: the store, and what signs, seals and names tokens."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from base.clock import Clock
from base.errors import InternalError
from base.sealing import Sealer
from settlement.evidence.recorder import Recorder
from settlement.evidence.signed import Signed
from settlement.ledger.credentials import Credential
from settlement.x402.payment import Payment
from settlement.x402.statements import Statements
from storage.op import Op, Refused, Store


class Tokens(Protocol):
    """Tokens of wallets and of what they bought: settlement.ledger.keys.Keys."""

    def object_token(self, account_id: str, run_id: str, expires_at_ms: int) -> str: ...

    def wallet_token_op(self, account_id: str, ttl_s: int) -> Op: ...

    def remember(self, credential: Credential) -> None: ...


class Proofs(Protocol):
    """Evidence as it was stored: settlement.evidence.reader.EvidenceReader."""

    async def signed(self, any_id: str) -> Signed | None: ...

    async def receipt(self, any_id: str) -> Mapping[str, Any] | None: ...


class Moved(Exception):
    """The payment is not where a step starts: somebody else took this step, or another."""


@dataclass(frozen=True, slots=True)
class Desk:
    """``lease`` names this process in the holds that it makes."""

    store: Store
    recorder: Recorder
    proofs: Proofs
    tokens: Tokens
    sealer: Sealer
    clock: Clock
    lease: str
    result_ttl_s: int
    token_ttl_s: int
    statements: Statements

    async def commit(self, step: Op, *others: Op) -> Payment:
        """One commit that begins with a payment's step: the payment as it is then.

        Raises Moved when the payment is not where the step starts.
        """
        payment: Payment = (await self._values(step, *others))[0]
        return payment

    async def commit_with_token(self, payment: Payment, step: Op, *others: Op) -> Payment:
        """The same, and from then on the tokens of the wallet and of what it bought can be revoked. A
        payment lets no token of a sign-in live longer."""
        token = self.tokens.wallet_token_op(payment.account_id, 0)
        values = await self._values(step, *others, token)
        self.tokens.remember(values[-1])
        after: Payment = values[0]
        return after

    def token_of(self, payment: Payment) -> str:
        """The access token of what a payment bought: the same each time that it is told."""
        expires_at_ms = payment.created_at_ms + self.token_ttl_s * 1000
        return self.tokens.object_token(payment.account_id, payment.run_id, expires_at_ms)

    async def _values(self, *ops: Op) -> tuple[Any, ...]:
        answer = await self.store.commit(*ops)
        if not isinstance(answer, Refused):
            return tuple(answer)
        if answer.code == "state":
            raise Moved(str(answer.detail))
        raise InternalError(f"The books refuse a step of a payment: {answer.code}.")

"""The credits tool: one x402 payment buys a balance, and an API key that spends it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from base.caller import Caller, CallerKind
from base.clock import Clock
from base.money import NANO_PER_CENT, usd_text
from base.pricing import PriceCard, Quote
from base.usage import Usage
from settlement.evidence.hashes import request_hash
from settlement.ledger.credentials import new_secret, prefix_of
from settlement.ledger.ledger import Ledger
from settlement.rail import Served
from settlement.topups.orders import bought_op
from storage.op import Op
from tools.core import Annotations, Call, Result, Tool
from tools.immediate import NOWHERE

CREDIT: Final = "credit"
LEAST_CENTS: Final = 1
MOST_CENTS: Final = 1_000_000
_CARD: Final = PriceCard("credits", 0, 0)


class CreditsInput(BaseModel):
    """How much is bought."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    amount_cents: int = Field(
        ge=LEAST_CENTS, le=MOST_CENTS, description="US cents of balance; one payment of just so much."
    )
    key_name: str = Field(
        "credits", pattern=r"^[^\x00-\x1f\x7f]{1,64}$", description="Name of the key that is made."
    )


class CreditsOutput(BaseModel):
    """What was bought. ``api_key`` is shown here alone: it spends the balance on every door, as a Bearer
    key. It is null when the call carried an API key: then that key's account was topped up."""

    object: Literal["credits"]
    amount_cents: int
    amount_usd: str
    topped_up: Literal["wallet", "account"]
    api_key: str | None
    key_prefix: str | None


@dataclass(frozen=True, slots=True)
class Credits:
    """Builds the credits tool."""

    ledger: Ledger
    clock: Clock

    def tool(self) -> Tool[CreditsInput]:
        return Tool(
            name="credits",
            title="Buy credits",
            description=(
                "Buy a balance with one x402 payment and get an API key that spends it, bound to the "
                "paying wallet. Bought again, the same balance grows. With an API key, its account is "
                "topped up instead. Store the key: it is shown once."
            ),
            Input=CreditsInput,
            Output=CreditsOutput,
            run=lambda args, call: Purchase(self, args, call),
            quote=_quote,
            modality=CREDIT,
            card=_CARD,
            annotations=Annotations(read_only=False),
            examples=({"amount_cents": 100},),
        )


class Purchase:
    """One purchase: what it buys becomes true with the end of its payment, in one commit."""

    def __init__(self, tool: Credits, args: CreditsInput, call: Call) -> None:
        self._tool = tool
        self._args = args
        self._caller = call.caller
        self._run_id = call.run_id
        self._secret = None if _has_key(call.caller) else new_secret()

    def reserve(self) -> None:
        """Nothing to wait for."""

    async def start(self) -> Served:
        return NOWHERE

    async def events(self) -> AsyncIterator[Any]:
        return
        yield

    def result(self) -> Result:
        shown = self._shown()
        told = {name: value for name, value in shown.items() if name != "api_key"}
        return Result(shown, Usage(), request_hash(told), also=self._also)

    async def close(self) -> None:
        """Nothing runs on."""

    def _shown(self) -> Mapping[str, Any]:
        cents, secret = self._args.amount_cents, self._secret
        return {
            "object": "credits",
            "amount_cents": cents,
            "amount_usd": usd_text(cents * NANO_PER_CENT),
            "topped_up": "account" if secret is None else "wallet",
            "api_key": secret,
            "key_prefix": None if secret is None else prefix_of(secret),
        }

    def _also(self, wallet_id: str) -> Sequence[Op]:
        """The rail has put the payment on the wallet's account, none of it charged."""
        now_ms = self._tool.clock.now_ms()
        owner = self._caller.account_id if self._secret is None else None
        cents = self._args.amount_cents
        bought = bought_op(self._run_id, wallet_id, owner or wallet_id, cents, now_ms)
        if self._secret is None:
            return bought
        return (*bought, self._tool.ledger.keys.bought(self._secret, wallet_id, self._args.key_name))


def _has_key(caller: Caller) -> bool:
    """Whether an API key came with the call; a wallet's token is none."""
    return caller.kind is CallerKind.ACCOUNT


def _quote(args: CreditsInput) -> Quote:
    return Quote("credits", _CARD, Usage(), bought_nano_usd=args.amount_cents * NANO_PER_CENT)

"""The account tool: who the caller is and what may be spent. Free."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from base.errors import Unauthorized
from base.money import cents_floor, usd_text
from settlement.ledger.ledger import Ledger
from tools.core import Annotations, Call, Tool
from tools.immediate import Immediate


class AccountInput(BaseModel):
    """Nothing: it is the caller's own."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AccountOutput(BaseModel):
    """The account behind a key or a wallet's token. ``credit_balance_cents`` is rounded down,
    ``credit_balance_usd`` exact; what running calls hold is in neither."""

    id: str
    object: Literal["user"]
    kind: Literal["account", "wallet"]
    email: str
    name: str
    credit_balance_cents: int
    credit_balance_usd: str
    held_usd: str


@dataclass(frozen=True, slots=True)
class AccountTool:
    """Builds the account tool."""

    ledger: Ledger

    def tool(self) -> Tool[AccountInput]:
        return Tool(
            name="account",
            title="Account",
            description=(
                "Your account and what it may spend. Needs an API key or a wallet's access token. Free."
            ),
            Input=AccountInput,
            Output=AccountOutput,
            run=self._run,
            quote=None,
            modality="account",
            annotations=Annotations(read_only=True, idempotent=True),
            examples=({},),
        )

    def _run(self, _: AccountInput, call: Call) -> Immediate:
        account_id = call.caller.account_id
        if account_id is None:
            raise Unauthorized
        return Immediate(lambda: self._answer(account_id))

    async def _answer(self, account_id: str) -> Mapping[str, Any]:
        account = await self.ledger.accounts.get(account_id)
        if account is None:
            raise Unauthorized
        return {
            "id": account.id,
            "object": "user",
            "kind": account.kind,
            "email": account.email,
            "name": account.name,
            "credit_balance_cents": cents_floor(account.available_nano_usd),
            "credit_balance_usd": usd_text(account.available_nano_usd),
            "held_usd": usd_text(account.held_nano_usd),
        }

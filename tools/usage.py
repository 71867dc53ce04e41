"""The usage tool: what the caller used and paid, and what is left to spend. Free."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from base.errors import Unauthorized
from base.money import cents_floor, cents_rounded, usd_text
from settlement.ledger.accounts import Accounts
from settlement.ledger.statement import MOST_ROWS, Statements, Totals
from storage.op import Row
from tools.core import Annotations, Call, Tool
from tools.immediate import Immediate


class UsageInput(BaseModel):
    """How many of the newest calls to list beside the sums."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    limit: int = Field(20, ge=0, le=MOST_ROWS, description="Calls to list, the newest first.")
    offset: int = Field(0, ge=0, le=10**9, description="Calls to pass over.")


class Spent(BaseModel):
    """Sums over calls. ``total_cost_usd`` is exact; cents are rounded for display."""

    total_requests: int
    total_input_tokens: int
    total_output_tokens: int
    total_cost_cents: int
    total_cost_usd: str


class SpentByModel(Spent):
    """The sums of one model, by the id that was asked for."""

    model: str


class UsageEntry(BaseModel):
    """One call."""

    id: str = Field(description="The run id.")
    tool: str
    model: str
    status: str
    input_tokens: int
    output_tokens: int
    cost_cents: int
    cost_usd: str
    rail: str


class UsageOutput(BaseModel):
    """The caller's own account. ``credit_balance_usd`` can be spent now: what running calls reserve is
    not in it."""

    object: Literal["usage"]
    credit_balance_cents: int
    credit_balance_usd: str
    summary: Spent
    by_model: list[SpentByModel]
    logs: list[UsageEntry]


@dataclass(frozen=True, slots=True)
class UsageReports:
    """Builds the usage tool."""

    accounts: Accounts
    statements: Statements

    def tool(self) -> Tool[UsageInput]:
        return Tool(
            name="usage",
            title="Usage",
            description=(
                "Show what you used and paid, by model and call by call, and the balance or credit that "
                "is left. Needs an API key, or the access token of an x402 payment. Free."
            ),
            Input=UsageInput,
            Output=UsageOutput,
            run=self._run,
            quote=None,
            modality="account",
            annotations=Annotations(read_only=True, idempotent=True),
            examples=({}, {"limit": 50, "offset": 50}),
            aliases=("usage_query",),
        )

    def _run(self, args: UsageInput, call: Call) -> Immediate:
        return Immediate(lambda: self._answer(args, call.caller.account_id))

    async def _answer(self, args: UsageInput, account_id: str | None) -> Mapping[str, Any]:
        if account_id is None:
            raise Unauthorized
        left_nano_usd = await self.accounts.balance(account_id)
        models = await self.statements.by_model(account_id)
        runs = await self.statements.runs(account_id, args.limit, args.offset)
        return {
            "object": "usage",
            "credit_balance_cents": cents_floor(left_nano_usd),
            "credit_balance_usd": usd_text(left_nano_usd),
            "summary": _sums(await self.statements.total(account_id)),
            "by_model": [{"model": totals.model, **_sums(totals)} for totals in models],
            "logs": [_entry(row) for row in runs],
        }


def _sums(totals: Totals) -> dict[str, Any]:
    return {
        "total_requests": totals.requests,
        "total_input_tokens": totals.input_tokens,
        "total_output_tokens": totals.output_tokens,
        "total_cost_cents": cents_rounded(totals.charged_nano_usd),
        "total_cost_usd": usd_text(totals.charged_nano_usd),
    }


def _entry(row: Row) -> dict[str, Any]:
    return {
        "id": row["run_id"],
        "tool": row["tool"],
        "model": row["model"],
        "status": row["status"],
        "input_tokens": row["input_tokens"],
        "output_tokens": row["output_tokens"],
        "cost_cents": cents_rounded(row["charged_nano_usd"]),
        "cost_usd": usd_text(row["charged_nano_usd"]),
        "rail": row["rail"],
    }

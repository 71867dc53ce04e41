"""The wire shapes of an account: keys, and lists of usage."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, RootModel

from tools.usage import GroupTotals, MeterEvent, UsageRun, UsageTotals

SCOPE = r"^(tool:[a-z_]{1,64}|model:[!-~]{1,256}|endpoint:/v1/[a-z/_-]{1,64})$"
LABEL = r"^[^\x00-\x1f\x7f\u2028\u2029]{1,128}$"
NAME = r"^[A-Za-z0-9._-]{1,64}$"


class KeyRequest(BaseModel):
    """A key to be made. What is left out is no limit."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: str = Field("key", pattern=LABEL, description="For people.")
    rate_limit_rpm: int | None = Field(None, ge=1, le=10**9, description="Calls a minute.")
    rate_limit_tpm: int | None = Field(None, ge=1, le=10**9, description="Tokens a minute.")
    max_concurrency: int | None = Field(None, ge=1, le=10**9, description="Calls at once.")
    streams_responses: bool = Field(True, description="Whether it may stream on /v1/responses.")
    salts_hashes: bool = Field(
        False,
        description="Whether evidence of its calls holds salted hashes.",
    )
    keeps_samples: bool = Field(
        False,
        description="Whether samples of its calls by prompt are kept, sealed, for regressions.",
    )
    monthly_budget_cents: int | None = Field(
        None, ge=0, le=10**11, description="Most that it spends in a month (UTC)."
    )
    scopes: list[Annotated[str, Field(pattern=SCOPE)]] = Field(
        default_factory=list,
        max_length=64,
        description="What it may call: tool:NAME, model:ID, endpoint:PATH; none of a kind: all.",
    )
    workspace: str = Field("default", pattern=NAME)
    expires_in_s: int | None = Field(None, ge=1, le=36_500 * 86_400, description="Its life in seconds.")


class ListedKey(BaseModel):
    """A key as it is listed, without its secret."""

    id: str
    key_prefix: str
    name: str
    rate_limit_rpm: int | None
    rate_limit_tpm: int | None
    max_concurrency: int | None
    streams_responses: bool
    salts_hashes: bool
    keeps_samples: bool
    monthly_budget_cents: int | None
    spent_this_month_cents: int
    scopes: list[str]
    workspace: str
    lane: str
    region: str
    is_active: bool
    created_at: str
    expires_at: str | None


class MadeKey(ListedKey):
    """A key just made: ``key`` is shown this once."""

    key: str


class ListedKeys(RootModel[list[ListedKey]]):
    """The keys of an account, oldest first; ended ones too."""


class UsageLogs(RootModel[list[UsageRun]]):
    """Runs, newest first."""


class MeterEvents(RootModel[list[MeterEvent]]):
    """What runs were metered by, newest first."""


class UsageBy(RootModel[list[GroupTotals]]):
    """Sums by one dimension."""


class CostBreakdownReport(UsageTotals):
    """The sums, and the same by each dimension."""

    by_model: list[GroupTotals]
    by_tool: list[GroupTotals]
    by_api_key: list[GroupTotals]
    by_day: list[GroupTotals]

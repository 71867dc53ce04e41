"""One limit of calls as the settings name it."""

from pydantic import BaseModel, ConfigDict, Field

from base.allowance import Allowance


class LimitSettings(BaseModel):
    """What may be asked for under one key, workspace, lane or region. Left out is no limit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scope: str = Field(
        pattern=r"^(key|workspace|lane|region):\S+$",
        description=(
            "Whose: key:ID, workspace:NAME (of each account), lane:NAME, region:NAME; * for each one."
        ),
    )
    rpm: int | None = Field(None, ge=1, le=10**9, description="Calls a minute.")
    tpm: int | None = Field(None, ge=1, le=10**9, description="Tokens a minute, in and out together.")
    concurrency: int | None = Field(None, ge=1, description="Calls at once.")

    @property
    def allowance(self) -> Allowance:
        return Allowance(self.rpm, self.tpm, self.concurrency)

"""One attached engine as the settings name it."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

Lane = Annotated[str, Field(pattern=r"^(shared|batch|private:[A-Za-z0-9._-]{1,64})$")]


class EngineSettings(BaseModel):
    """One replica: a server that answers for some of the models."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["sglang", "sglang-diffusion", "sglang-omni", "openai"] = Field(
        description="SGLang's server of that name, or openai: any OpenAI-compatible server."
    )
    url: str = Field(pattern=r"^https?://[^,\s]+$", description="Where it listens.")
    name: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9._-]{1,64}$",
        description="How health, metrics and commands call it; by default its kind and number.",
    )
    api_key: SecretStr | None = Field(None, description="Bearer key that it asks for.")
    admin_key: SecretStr | None = Field(
        None, description="Admin key of an SGLang, where it has one: cut calls end at once."
    )
    models: tuple[str, ...] = Field(
        (), description="Ids of the models that it serves; by default those that it lists."
    )
    lanes: tuple[Lane, ...] = Field(
        ("shared", "batch"),
        min_length=1,
        description="Lanes whose calls it takes: shared, batch, private:NAME.",
    )
    region: str = Field(
        "local",
        pattern=r"^[A-Za-z0-9._-]{1,64}$",
        description="Where it stands; callers bound to a region run on its engines alone.",
    )
    max_running: int = Field(256, ge=1, description="Calls that it executes at once.")
    max_queued: int = Field(256, ge=0, description="Calls of one lane that wait for it before 503.")
    power_w: float | None = Field(None, gt=0, description="Power that it draws while it works, watts.")

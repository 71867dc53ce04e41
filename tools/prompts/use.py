"""How a call names a prompt: ``prompt {id, version, variables}``, as OpenAI's Responses API does."""

from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from tools.prompts.template import Variables

UNBOUND: Final = "can be given with a call of its own, not with a task of a batch"


class PromptUse(BaseModel):
    """A prompt of the registry, whose messages go before those of the call; a name that the registry has
    not is what the call is recorded under."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    id: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}(@[A-Za-z0-9._-]{1,32})?$",
        description="Its name; name@version is one version.",
    )
    version: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9._-]{1,32}$",
        description="A version; by default the promoted one.",
    )
    variables: Variables = Field(
        default_factory=dict, description="What stands for the {{names}} in its messages."
    )

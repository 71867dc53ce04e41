"""What moderates, and what its classes mean."""

from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

CATEGORIES: Final = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)
"""OpenAI's."""


def _known(name: str) -> str:
    if name and name not in CATEGORIES:
        raise ValueError(f"should be one of {', '.join(CATEGORIES)}, or empty")
    return name


class ModerationSettings(BaseModel):
    """A model that classifies, as a moderator."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field(description="Id of a model of modality classify.")
    categories: tuple[Annotated[str, AfterValidator(_known)], ...] = Field(
        min_length=2,
        description="OpenAI's category of each class, in the model's order; empty for a harmless class.",
    )
    threshold: float = Field(0.5, gt=0, le=1, description="From which score on a category is flagged.")

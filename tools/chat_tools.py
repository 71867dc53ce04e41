"""Function tools of a conversation: what a model may call, and what it called."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, field_validator

from runtime.grammars import schema_problem

MAX_TOOLS = 128
_NAME = r"^[A-Za-z0-9_-]{1,64}$"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Function(_Strict):
    """A function that the model may call; ``parameters`` is a JSON Schema of an object."""

    name: str = Field(pattern=_NAME)
    description: str | None = Field(None, max_length=16_384)
    parameters: dict[str, Any] | None = None
    strict: bool | None = None

    @field_validator("parameters")
    @classmethod
    def _not_too_complex(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        problem = schema_problem(value) if value is not None else None
        if problem is not None:
            raise ValueError(f"is too complex: {problem}")
        return value


class FunctionTool(_Strict):
    type: Literal["function"]
    function: Function


class FunctionName(_Strict):
    name: str = Field(pattern=_NAME)


class NamedFunction(_Strict):
    """Have the model call this function."""

    type: Literal["function"]
    function: FunctionName


ToolChoice = Annotated[
    Annotated[Literal["none", "auto", "required"], Tag("a word")]
    | Annotated[NamedFunction, Tag("a function")],
    Discriminator(lambda value: "a word" if isinstance(value, str) else "a function"),
]


class CalledFunction(_Strict):
    """``arguments`` is JSON text, as the model wrote it."""

    name: str = Field(min_length=1, max_length=64)
    arguments: str


class ToolCall(_Strict):
    """A call that an earlier answer asked for."""

    id: str = Field(min_length=1, max_length=128)
    type: Literal["function"]
    function: CalledFunction


def check_names(tools: Sequence[FunctionTool] | None) -> None:
    """Raises ValueError for two functions of one name."""
    names = [tool.function.name for tool in tools or ()]
    if len(set(names)) != len(names):
        raise ValueError("should not hold two functions of the same name")


def check_choice(choice: Any, tools: Sequence[FunctionTool] | None) -> None:
    """Raises ValueError for a choice among tools that are not there."""
    if choice in (None, "none"):
        return
    if not tools:
        raise ValueError("is allowed only with tools")
    if isinstance(choice, NamedFunction) and all(
        tool.function.name != choice.function.name for tool in tools
    ):
        raise ValueError(f"names {choice.function.name!r}, which is not among tools")

"""The items that a response takes in: messages, calls of functions, what these gave, reasoning."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

MAX_PARTS = 64
_STATUS = Literal["in_progress", "completed", "incomplete"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class TextInput(_Strict):
    """A text; ``output_text`` is one of an earlier answer, handed back."""

    type: Literal["input_text", "output_text"]
    text: str
    annotations: list[Any] | None = Field(None, description="Accepted, without effect.")
    logprobs: list[Any] | None = Field(None, description="Accepted, without effect.")


class Refusal(_Strict):
    type: Literal["refusal"]
    refusal: str


class ImageInput(_Strict):
    """A picture, for models that see: an http(s) URL that the server fetches, or a ``data:`` URL."""

    type: Literal["input_image"]
    image_url: str = Field(min_length=1)
    detail: Literal["auto", "low", "high"] | None = None


Part = Annotated[TextInput | Refusal | ImageInput, Discriminator("type")]
Content = Annotated[
    Annotated[str, Tag("a string")]
    | Annotated[list[Part], Field(min_length=1, max_length=MAX_PARTS), Tag("a list")],
    Discriminator(lambda value: "a string" if isinstance(value, str) else "a list"),
]


class MessageItem(_Strict):
    """A turn of the conversation, new or an earlier answer's."""

    type: Literal["message"] = "message"
    role: Literal["user", "assistant", "system", "developer"]
    content: Content
    id: str | None = None
    status: _STATUS | None = None
    phase: Literal["commentary", "final_answer"] | None = None


class FunctionCallItem(_Strict):
    """A call that an earlier answer asked for; ``arguments`` is JSON text."""

    type: Literal["function_call"]
    call_id: str = Field(min_length=1, max_length=128)
    name: str = Field(min_length=1, max_length=64)
    arguments: str
    id: str | None = None
    status: _STATUS | None = None


class FunctionOutputItem(_Strict):
    """What a called function gave."""

    type: Literal["function_call_output"]
    call_id: str = Field(min_length=1, max_length=128)
    output: Annotated[
        Annotated[str, Tag("a string")]
        | Annotated[list[TextInput], Field(min_length=1, max_length=MAX_PARTS), Tag("a list")],
        Discriminator(lambda value: "a string" if isinstance(value, str) else "a list"),
    ]
    id: str | None = None
    status: _STATUS | None = None


class ReasoningItem(_Strict):
    """Reasoning of an earlier answer: accepted, and not shown to the model again."""

    type: Literal["reasoning"]
    id: str | None = None
    summary: list[dict[str, Any]] | None = None
    content: list[dict[str, Any]] | None = None
    encrypted_content: str | None = None
    status: _STATUS | None = None


def _item_tag(value: Any) -> str | None:
    """A message may leave its type out."""
    if isinstance(value, dict):
        kind = value.get("type", "message" if "role" in value else None)
    else:
        kind = getattr(value, "type", None)
    return f"type {kind}" if kind in _KINDS else None


_KINDS = ("message", "function_call", "function_call_output", "reasoning")

Item = Annotated[
    Annotated[MessageItem, Tag("type message")]
    | Annotated[FunctionCallItem, Tag("type function_call")]
    | Annotated[FunctionOutputItem, Tag("type function_call_output")]
    | Annotated[ReasoningItem, Tag("type reasoning")],
    Discriminator(
        _item_tag,
        custom_error_type="item",
        custom_error_message=f"should be an item of type {', '.join(_KINDS)}",
    ),
]

"""The messages of a conversation: texts, pictures, calls of functions and what these gave."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, field_validator, model_validator

from tools.chat_tools import ToolCall

MAX_PARTS = 64
_CALLERS = ("user", "system", "developer", "tool")


class _Strict(BaseModel):
    """A number is a number: ``"5"`` and ``true`` are wrong where one is asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class TextPart(_Strict):
    """A text part of a message."""

    type: Literal["text"]
    text: str


class ImageUrl(_Strict):
    """Where a picture is: an http(s) URL that the server fetches, or a ``data:`` URL."""

    url: str = Field(min_length=1)
    detail: Literal["auto", "low", "high"] | None = None


class ImagePart(_Strict):
    """A picture, for models that see."""

    type: Literal["image_url"]
    image_url: ImageUrl


def _part_tag(value: Any) -> str:
    kind = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    return f"type {kind}"


# Tags that are no names: findings are told by the path of the field alone.
Part = Annotated[
    Annotated[TextPart, Tag("type text")] | Annotated[ImagePart, Tag("type image_url")],
    Discriminator(
        _part_tag,
        custom_error_type="part",
        custom_error_message="should be an object whose type is text or image_url",
    ),
]


class Message(_Strict):
    """One turn of the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: (
        Annotated[
            Annotated[str, Tag("a string")]
            | Annotated[list[Part], Field(min_length=1, max_length=MAX_PARTS), Tag("a list")],
            Discriminator(lambda value: "a string" if isinstance(value, str) else "a list"),
        ]
        | None
    ) = None
    name: str | None = None
    tool_calls: list[ToolCall] | None = Field(None, description="Of an assistant's turn.")
    tool_call_id: str | None = Field(None, description="The call that a tool's turn answers.")
    refusal: str | None = Field(None, description="Accepted, without effect.")
    reasoning_content: str | None = Field(None, description="Accepted, without effect.")

    @field_validator("content", mode="before")
    @classmethod
    def _known_parts(cls, value: Any) -> Any:
        if value is None or isinstance(value, str):
            return value
        if not isinstance(value, list) or not value:
            raise ValueError("should be a string or a list of one or more parts")
        for part in value:
            kind = part.get("type") if isinstance(part, dict) else getattr(part, "type", None)
            if isinstance(kind, str) and kind not in ("text", "image_url"):
                raise ValueError(f"has a part of type {kind!r}; parts are of type text or image_url")
        return value

    @model_validator(mode="after")
    def _fits_its_role(self) -> Self:
        if self.role in _CALLERS and self.content is None:
            raise ValueError(f"content is required in a message of role {self.role}")
        if self.role == "assistant" and self.content is None and not self.tool_calls:
            raise ValueError("an assistant's message has content or tool_calls")
        if self.tool_calls is not None and self.role != "assistant":
            raise ValueError("tool_calls stand in an assistant's message only")
        if (self.tool_call_id is not None) is not (self.role == "tool"):
            raise ValueError("tool_call_id stands in a tool's message, and in no other")
        if self.role != "user" and self.pictures():
            raise ValueError("image_url parts stand in a user's message only")
        return self

    def text(self) -> str:
        """The texts of the content as one string."""
        if isinstance(self.content, list):
            return "".join(part.text for part in self.content if isinstance(part, TextPart))
        return self.content or ""

    def pictures(self) -> list[ImagePart]:
        if not isinstance(self.content, list):
            return []
        return [part for part in self.content if isinstance(part, ImagePart)]

    def engine_form(self) -> dict[str, Any]:
        """As every engine takes it: ``developer`` is ``system``, parts of text alone are one string."""
        shown: dict[str, Any] = {"role": "system" if self.role == "developer" else self.role}
        if self.pictures():
            shown["content"] = [part.model_dump(exclude_none=True) for part in self.content or ()]  # type: ignore[union-attr]
        else:
            shown["content"] = self.text()
        if self.tool_calls:
            shown["tool_calls"] = [call.model_dump() for call in self.tool_calls]
        if self.tool_call_id is not None:
            shown["tool_call_id"] = self.tool_call_id
        return shown

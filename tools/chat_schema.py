"""The chat tool's input and output: OpenAI's chat completion, field by field."""

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    field_validator,
)

from runtime.grammars import schema_problem
from tools.chat_messages import Message
from tools.chat_tools import MAX_TOOLS, FunctionTool, ToolChoice, check_choice, check_names
from tools.complete_schema import check_biases
from tools.prompts.use import UNBOUND, PromptUse

MAX_MESSAGES = 512
MAX_CHOICES = 8
MAX_BIASES = 300
_NO_EFFECT = "Accepted, without effect."


class _Strict(BaseModel):
    """A number is a number: ``"5"`` and ``true`` are wrong where one is asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class StreamOptions(_Strict):
    include_usage: bool | None = None
    include_obfuscation: bool | None = Field(None, description=_NO_EFFECT)


class JsonSchema(_Strict):
    """A named JSON Schema (draft 2020-12) that the answer must satisfy."""

    name: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    schema_: dict[str, Any] = Field(alias="schema")
    description: str | None = None
    strict: bool | None = None

    @field_validator("schema_")
    @classmethod
    def _not_too_complex(cls, value: dict[str, Any]) -> dict[str, Any]:
        problem = schema_problem(value)
        if problem is not None:
            raise ValueError(f"is too complex: {problem}")
        return value


class TextFormat(_Strict):
    type: Literal["text"]


class JsonObjectFormat(_Strict):
    type: Literal["json_object"]


class JsonSchemaFormat(_Strict):
    type: Literal["json_schema"]
    json_schema: JsonSchema


def _format_tag(value: Any) -> str | None:
    kind = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    return f"type {kind}" if kind in ("text", "json_object", "json_schema") else None


ResponseFormat = Annotated[
    Annotated[TextFormat, Tag("type text")]
    | Annotated[JsonObjectFormat, Tag("type json_object")]
    | Annotated[JsonSchemaFormat, Tag("type json_schema")],
    Discriminator(
        _format_tag,
        custom_error_type="response_format",
        custom_error_message="should be an object whose type is text, json_object or json_schema",
    ),
]


class ChatInput(_Strict):
    """Arguments of one chat completion.

    Fields of OpenAI's API that are not listed would change the output and can't be honoured: they are
    refused by name. ``user``, ``metadata``, ``store``, ``service_tier``, ``safety_identifier``,
    ``prompt_cache_key`` and ``prompt_cache_retention`` are accepted and have no effect.
    """

    model: str = Field(min_length=1, max_length=256, description="Model id; see the models tool.")
    messages: list[Message] = Field(
        min_length=1, max_length=MAX_MESSAGES, description="The conversation so far, oldest first."
    )
    temperature: float | None = Field(None, ge=0, le=2, description="Sampling temperature; 0: greedy.")
    top_p: float | None = Field(None, gt=0, le=1, description="Nucleus sampling threshold.")
    frequency_penalty: float | None = Field(None, ge=-2, le=2, description="Penalty by frequency.")
    presence_penalty: float | None = Field(None, ge=-2, le=2, description="Penalty by presence.")
    max_tokens: int | None = Field(None, ge=1, description="Most output tokens of each choice.")
    max_completion_tokens: int | None = Field(None, ge=1, description="The newer name of max_tokens.")
    stop: str | list[str] | None = Field(None, description="Up to four texts that end the answer.")
    seed: int | None = Field(None, ge=-(2**63), lt=2**63, description="Seed of the sampling.")
    n: int | None = Field(None, ge=1, le=MAX_CHOICES, description="How many answers to generate.")
    response_format: ResponseFormat | None = Field(
        None, description="Plain text, any JSON object, or JSON that satisfies a schema."
    )
    logprobs: bool | None = Field(None, description="Return the log probability of each token.")
    top_logprobs: int | None = Field(None, ge=0, le=20, description="Likeliest tokens per position.")
    logit_bias: dict[str, float] | None = Field(
        None, max_length=MAX_BIASES, description="Added to the logits of tokens, by token id."
    )
    tools: list[FunctionTool] | None = Field(
        None, max_length=MAX_TOOLS, description="Functions that the model may call."
    )
    tool_choice: ToolChoice | None = Field(
        None, description="none, auto, required, or one function that has to be called."
    )
    parallel_tool_calls: bool | None = Field(None, description="Whether one answer may hold many calls.")
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = Field(
        None, description="How long a model that reasons does so."
    )
    prediction: dict[str, Any] | None = Field(
        None, description="Accepted: it could speed an answer up, and never changes it."
    )
    modalities: list[Literal["text"]] | None = Field(
        None, min_length=1, max_length=1, description="Answers are texts."
    )
    verbosity: Literal["medium"] | None = Field(None, description="Only medium, the models' own.")
    stream: bool | None = Field(None, description="Send the answer as server-sent events.")
    stream_options: StreamOptions | None = Field(None, description="Options of a streamed answer.")
    prompt: PromptUse | None = Field(
        None,
        description="A prompt of the registry: its messages go first, and messages may be left out.",
    )
    user: str | None = Field(None, description=_NO_EFFECT)
    metadata: dict[str, str] | None = Field(None, description=_NO_EFFECT)
    store: bool | None = Field(None, description=_NO_EFFECT)
    service_tier: str | None = Field(None, description=_NO_EFFECT)
    safety_identifier: str | None = Field(None, description=_NO_EFFECT)
    prompt_cache_key: str | None = Field(None, description=_NO_EFFECT)
    prompt_cache_retention: Literal["in_memory", "in-memory", "24h"] | None = Field(
        None, description=_NO_EFFECT
    )

    @field_validator("stop", mode="before")
    @classmethod
    def _stop_form(cls, value: Any) -> Any:
        texts = [value] if isinstance(value, str) else value
        if texts is None:
            return None
        if not isinstance(texts, list) or not 1 <= len(texts) <= 4:
            raise ValueError("should be a string or a list of one to four strings")
        if not all(isinstance(text, str) and text for text in texts):
            raise ValueError("should hold non-empty strings")
        return value

    @field_validator("prompt")
    @classmethod
    def _bound_before(cls, value: PromptUse | None) -> None:
        if value is not None:
            raise ValueError(UNBOUND)

    @field_validator("stream_options")
    @classmethod
    def _of_a_stream(cls, value: StreamOptions | None, info: ValidationInfo) -> StreamOptions | None:
        if value is not None and not info.data.get("stream", True):
            raise ValueError("is allowed only when stream is true")
        return value

    @field_validator("top_logprobs")
    @classmethod
    def _of_logprobs(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value is not None and not info.data.get("logprobs", True):
            raise ValueError("is allowed only when logprobs is true")
        return value

    @field_validator("max_completion_tokens")
    @classmethod
    def _one_limit(cls, value: int | None, info: ValidationInfo) -> int | None:
        other = info.data.get("max_tokens")
        if None not in (value, other) and value != other:
            raise ValueError("differs from max_tokens; send one of them")
        return value

    @field_validator("logit_bias")
    @classmethod
    def _biases(cls, value: dict[str, float] | None) -> dict[str, float] | None:
        check_biases(value)
        return value

    @field_validator("tools")
    @classmethod
    def _tool_names(cls, value: list[FunctionTool] | None) -> list[FunctionTool] | None:
        check_names(value)
        return value

    @field_validator("tool_choice")
    @classmethod
    def _choice_among_tools(cls, value: Any, info: ValidationInfo) -> Any:
        check_choice(value, info.data.get("tools"))
        return value

    def output_limit(self) -> int | None:
        """The asked limit of output tokens of each choice."""
        return self.max_completion_tokens or self.max_tokens


class ShownFunction(BaseModel):
    name: str
    arguments: str = Field(description="JSON text, as the model wrote it.")


class ShownToolCall(BaseModel):
    """A function that the model asks to be called."""

    id: str
    type: Literal["function"]
    function: ShownFunction


class ChatMessage(BaseModel):
    role: Literal["assistant"]
    content: str | None
    refusal: None = None
    reasoning_content: str | None = None
    tool_calls: list[ShownToolCall] | None = None


class ChatChoice(BaseModel):
    index: int
    message: ChatMessage
    finish_reason: Literal["stop", "length", "content_filter", "tool_calls"]
    logprobs: dict[str, Any] | None = None


class PromptTokensDetails(BaseModel):
    cached_tokens: int


class ChatUsage(BaseModel):
    """Token counts as the engine reported them."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptTokensDetails


class ChatOutput(BaseModel):
    """An OpenAI chat completion."""

    id: str
    object: Literal["chat.completion"]
    created: int = Field(description="Unix time in seconds.")
    model: str = Field(description="The model id that was asked for.")
    choices: list[ChatChoice]
    usage: ChatUsage

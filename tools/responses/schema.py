"""The input and output of a response: OpenAI's Responses API, field by field."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, field_validator, model_validator

from runtime.grammars import schema_problem
from tools.chat_tools import MAX_TOOLS
from tools.prompts.use import UNBOUND, PromptUse
from tools.responses.items import Item, MessageItem

MAX_ITEMS = 512
INCLUDE_LOGPROBS = "message.output_text.logprobs"
Included = Literal[
    "message.output_text.logprobs",
    "reasoning.encrypted_content",
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "code_interpreter_call.outputs",
    "computer_call_output.output.image_url",
]
_NO_EFFECT = "Accepted, without effect."
_NAME = r"^[A-Za-z0-9_-]{1,64}$"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ResponseFunction(_Strict):
    """A function that the model may call; ``parameters`` is a JSON Schema of an object."""

    type: Literal["function"]
    name: str = Field(pattern=_NAME)
    description: str | None = Field(None, max_length=16_384)
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class ChosenFunction(_Strict):
    type: Literal["function"]
    name: str = Field(pattern=_NAME)


class PlainText(_Strict):
    type: Literal["text"]


class JsonObject(_Strict):
    type: Literal["json_object"]


class JsonSchemaText(_Strict):
    """JSON that satisfies a schema (draft 2020-12)."""

    type: Literal["json_schema"]
    name: str = Field(pattern=_NAME)
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


class TextOptions(_Strict):
    format: Annotated[PlainText | JsonObject | JsonSchemaText, Discriminator("type")] | None = None
    verbosity: Literal["medium"] | None = Field(None, description="Only medium, the models' own.")


class Reasoning(_Strict):
    """``effort`` is for models that reason."""

    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    summary: Literal["auto"] | None = Field(
        None, description="No summary is made: reasoning is shown as the model wrote it."
    )


class ResponseStreamOptions(_Strict):
    include_obfuscation: bool | None = Field(None, description=_NO_EFFECT)


class ResponsesInput(_Strict):
    """Arguments of one response.

    What would change the answer and can't be honoured is refused by name.
    """

    model: str = Field(min_length=1, max_length=256, description="Model id; see the models tool.")
    input: Annotated[
        Annotated[str, Field(min_length=1), Tag("a string")]
        | Annotated[list[Item], Field(min_length=1, max_length=MAX_ITEMS), Tag("a list")],
        Discriminator(lambda value: "a string" if isinstance(value, str) else "a list"),
    ] = Field(description="A text, or items: messages, function calls and what these gave.")
    instructions: str | None = Field(
        None, description="A system message for this response alone; it is not carried on."
    )
    previous_response_id: str | None = Field(
        None, min_length=1, max_length=128, description="A stored response that this one goes on from."
    )
    max_output_tokens: int | None = Field(None, ge=1, description="Most output tokens.")
    temperature: float | None = Field(None, ge=0, le=2, description="Sampling temperature; 0: greedy.")
    top_p: float | None = Field(None, gt=0, le=1, description="Nucleus sampling threshold.")
    top_logprobs: int | None = Field(None, ge=0, le=20, description="Likeliest tokens per position.")
    include: list[Included] | None = Field(
        None,
        max_length=16,
        description="Log probabilities of the text; reasoning is never encrypted, and of tools that are "
        "not there nothing is to be told.",
    )
    text: TextOptions | None = Field(None, description="Plain text, JSON, or JSON of a schema.")
    tools: list[ResponseFunction] | None = Field(
        None, max_length=MAX_TOOLS, description="Functions that the model may call."
    )
    tool_choice: (
        Annotated[
            Annotated[Literal["none", "auto", "required"], Tag("a word")]
            | Annotated[ChosenFunction, Tag("a function")],
            Discriminator(lambda value: "a word" if isinstance(value, str) else "a function"),
        ]
        | None
    ) = Field(None, description="none, auto, required, or one function that has to be called.")
    parallel_tool_calls: bool | None = Field(None, description="Whether one answer may hold many calls.")
    max_tool_calls: int | None = Field(None, ge=1, description="Of built-in tools: there are none.")
    reasoning: Reasoning | None = Field(None, description="Options of models that reason.")
    store: bool | None = Field(
        None, description="Keep the response, sealed, for previous_response_id and GET; by default yes."
    )
    stream: bool | None = Field(None, description="Send the response as server-sent events.")
    background: bool | None = Field(
        None,
        description="Make it whoever is connected: answer at once with a response to poll or, with "
        "stream, with events that can be asked for again after a broken connection. Not with store "
        "false.",
    )
    stream_options: ResponseStreamOptions | None = Field(None, description="Options of a stream.")
    truncation: Literal["disabled"] | None = Field(
        None, description="Only disabled: what is too long is refused, never cut."
    )
    metadata: dict[str, str] | None = Field(
        None, max_length=16, description="Up to 16 pairs of texts, kept with the response."
    )
    prompt: PromptUse | None = Field(
        None, description="A prompt of the registry: its messages go before the input."
    )
    user: str | None = Field(None, description=_NO_EFFECT)
    service_tier: str | None = Field(None, description=_NO_EFFECT)
    safety_identifier: str | None = Field(None, description=_NO_EFFECT)
    prompt_cache_key: str | None = Field(None, description=_NO_EFFECT)
    prompt_cache_retention: Literal["in_memory", "in-memory", "24h"] | None = Field(
        None, description=_NO_EFFECT
    )

    @field_validator("prompt")
    @classmethod
    def _bound_before(cls, value: PromptUse | None) -> None:
        if value is not None:
            raise ValueError(UNBOUND)

    @model_validator(mode="after")
    def _stream_options_of_a_stream(self) -> Self:
        if self.stream_options is not None and not self.stream:
            raise ValueError("stream_options is allowed only when stream is true")
        return self

    @property
    def wants_logprobs(self) -> bool:
        return self.top_logprobs is not None or INCLUDE_LOGPROBS in (self.include or ())

    @property
    def is_stored(self) -> bool:
        return self.store is not False

    def items(self) -> list[Item]:
        """The input as items."""
        if not isinstance(self.input, str):
            return self.input
        return [MessageItem(role="user", content=self.input)]


class InputTokensDetails(BaseModel):
    cached_tokens: int
    cache_write_tokens: int = Field(description="0: engines don't tell it.")


class OutputTokensDetails(BaseModel):
    reasoning_tokens: int = Field(description="0 where the engine does not count them apart.")


class ResponseUsage(BaseModel):
    """Token counts as the engine reported them."""

    input_tokens: int
    input_tokens_details: InputTokensDetails
    output_tokens: int
    output_tokens_details: OutputTokensDetails
    total_tokens: int


class ResponseError(BaseModel):
    """Why a response failed."""

    code: str
    message: str


class IncompleteDetails(BaseModel):
    reason: Literal["max_output_tokens", "content_filter"]


class ResponseObject(BaseModel):
    """An OpenAI response: ``output`` holds reasoning, message and function_call items in their order."""

    id: str
    object: Literal["response"]
    created_at: int = Field(description="Unix time in seconds.")
    completed_at: int | None
    status: Literal["completed", "incomplete", "failed", "in_progress", "queued", "cancelled"]
    model: str = Field(description="The model id that was asked for.")
    output: list[dict[str, Any]]
    usage: ResponseUsage | None
    error: ResponseError | None
    incomplete_details: IncompleteDetails | None
    instructions: str | None
    previous_response_id: str | None
    max_output_tokens: int | None
    temperature: float | None
    top_p: float | None
    top_logprobs: int
    text: dict[str, Any]
    tools: list[dict[str, Any]]
    tool_choice: str | dict[str, Any]
    parallel_tool_calls: bool
    max_tool_calls: int | None
    reasoning: dict[str, Any]
    truncation: str
    background: bool
    store: bool
    metadata: dict[str, str]
    user: str | None
    service_tier: str
    safety_identifier: str | None
    prompt_cache_key: str | None

"""The complete tool's input and output: OpenAI's text completion, field by field."""

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

MAX_PROMPTS = 32
MAX_CHOICES = 8
MAX_BIASES = 300
_NO_EFFECT = "Accepted, without effect."


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class CompletionStreamOptions(_Strict):
    include_usage: bool | None = None
    include_obfuscation: bool | None = Field(None, description=_NO_EFFECT)


class CompletionInput(_Strict):
    """Arguments of one text completion.

    What would change the output and can't be honoured is refused by name.
    """

    model: str = Field(min_length=1, max_length=256, description="Model id; see the models tool.")
    prompt: Annotated[
        Annotated[str, Field(min_length=1), Tag("a text")]
        | Annotated[
            list[Annotated[str, Field(min_length=1)]],
            Field(min_length=1, max_length=MAX_PROMPTS),
            Tag("a list"),
        ],
        Discriminator(lambda value: "a text" if isinstance(value, str) else "a list"),
    ] = Field(description=f"What is to be gone on with: a text, or 1 to {MAX_PROMPTS} of them.")
    suffix: str | None = Field(
        None, description="What comes after the completion: the text between is filled in."
    )
    max_tokens: int | None = Field(None, ge=1, description="Most output tokens of each choice; 16.")
    temperature: float | None = Field(None, ge=0, le=2, description="Sampling temperature; 0: greedy.")
    top_p: float | None = Field(None, gt=0, le=1, description="Nucleus sampling threshold.")
    n: int | None = Field(None, ge=1, le=MAX_CHOICES, description="How many choices for each prompt.")
    best_of: int | None = Field(None, ge=1, description="Only the same as n: every choice is returned.")
    echo: bool | None = Field(None, description="Begin each choice with its prompt.")
    logprobs: int | None = Field(None, ge=0, le=5, description="Likeliest tokens per position.")
    stop: str | list[str] | None = Field(None, description="Up to four texts that end the output.")
    seed: int | None = Field(None, ge=-(2**63), lt=2**63, description="Seed of the sampling.")
    frequency_penalty: float | None = Field(None, ge=-2, le=2, description="Penalty by frequency.")
    presence_penalty: float | None = Field(None, ge=-2, le=2, description="Penalty by presence.")
    logit_bias: dict[str, float] | None = Field(
        None, max_length=MAX_BIASES, description="Added to the logits of tokens, by token id."
    )
    stream: bool | None = Field(None, description="Send the output as server-sent events.")
    stream_options: CompletionStreamOptions | None = Field(None, description="Options of a stream.")
    user: str | None = Field(None, description=_NO_EFFECT)

    @field_validator("prompt", mode="before")
    @classmethod
    def _texts(cls, value: Any) -> Any:
        texts = value if isinstance(value, list) else [value]
        if not all(isinstance(text, str) for text in texts):
            raise ValueError("should be a text or a list of texts; token ids are not supported")
        return value

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

    @field_validator("best_of")
    @classmethod
    def _all_of_them(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value is not None and value != (info.data.get("n") or 1):
            raise ValueError("differs from n; no choice is made here and thrown away")
        return value

    @field_validator("logprobs")
    @classmethod
    def _without_echo(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value is not None and info.data.get("echo"):
            raise ValueError("is not supported together with echo: prompts have no log probabilities")
        return value

    @field_validator("logit_bias")
    @classmethod
    def _biases(cls, value: dict[str, float] | None) -> dict[str, float] | None:
        check_biases(value)
        return value

    @field_validator("stream_options")
    @classmethod
    def _of_a_stream(cls, value: Any, info: ValidationInfo) -> Any:
        if value is not None and not info.data.get("stream", True):
            raise ValueError("is allowed only when stream is true")
        return value

    def prompts(self) -> list[str]:
        return [self.prompt] if isinstance(self.prompt, str) else self.prompt


def check_biases(biases: dict[str, float] | None) -> None:
    """Raises ValueError for what is no ``logit_bias``."""
    for token, bias in (biases or {}).items():
        if not (token.isascii() and token.isdigit() and len(token) <= 9 and -100 <= bias <= 100):
            raise ValueError("should map token ids to numbers from -100 to 100")


class CompletionLogprobs(BaseModel):
    """By token of the text; ``text_offset`` counts characters."""

    tokens: list[str]
    token_logprobs: list[float]
    top_logprobs: list[dict[str, float]]
    text_offset: list[int]


class CompletionChoice(BaseModel):
    index: int
    text: str
    finish_reason: Literal["stop", "length", "content_filter"]
    logprobs: CompletionLogprobs | None


class CompletionUsage(BaseModel):
    """Token counts as the engine reported them."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: dict[str, int]


class CompletionOutput(BaseModel):
    """An OpenAI text completion; the choices of several prompts stand prompt by prompt."""

    id: str
    object: Literal["text_completion"]
    created: int = Field(description="Unix time in seconds.")
    model: str = Field(description="The model id that was asked for.")
    choices: list[CompletionChoice]
    usage: CompletionUsage
    fim: Literal["native", "prompted"] | None = Field(
        None, description="How suffix was honoured: by the model itself, or by asking it in words."
    )

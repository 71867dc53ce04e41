"""The wire shape of one event of a streamed chat completion, and of the evidence that answers carry."""

from typing import Any, Literal

from pydantic import BaseModel, Field


class Vaas(BaseModel):
    """Where the evidence of a call is found, and what signs it."""

    record_id: str
    run_id: str
    signature: str
    public_key: str
    payload_hash: str
    salt: str | None = Field(None, description="Of the record's hashes, where they are salted.")


class WithEvidence(BaseModel):
    """What a paid JSON answer carries beside its own members."""

    vaas: Vaas
    vaas_record_id: str


class ChunkFunction(BaseModel):
    name: str | None = None
    arguments: str | None = None


class ChunkToolCall(BaseModel):
    """A piece of a call: the first one has its id, type and name."""

    index: int
    id: str | None = None
    type: Literal["function"] | None = None
    function: ChunkFunction


class ChunkDelta(BaseModel):
    """What this event adds to its choice."""

    role: Literal["assistant"] | None = None
    content: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[ChunkToolCall] | None = None


class ChunkChoice(BaseModel):
    index: int
    delta: ChunkDelta
    logprobs: dict[str, Any] | None
    finish_reason: Literal["stop", "length", "content_filter", "tool_calls"] | None


class ChunkUsage(BaseModel):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: dict[str, int]


class ChatChunk(BaseModel):
    """The JSON behind each ``data:`` line; the last line is ``data: [DONE]``.

    ``vaas`` rides on the chunk of the last finish_reason, which leaves when the charge is durable. An
    error after the stream began is one event with the error body.
    """

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: ChunkUsage | None = Field(None, description="Only with stream_options.include_usage.")
    vaas: Vaas | None = None


class CompletionChunkChoice(BaseModel):
    index: int
    text: str
    logprobs: dict[str, Any] | None
    finish_reason: Literal["stop", "length", "content_filter"] | None


class CompletionChunk(BaseModel):
    """The JSON behind each ``data:`` line of a text completion; the last line is ``data: [DONE]``."""

    id: str
    object: Literal["text_completion"]
    created: int
    model: str
    choices: list[CompletionChunkChoice]
    usage: ChunkUsage | None = Field(None, description="Only with stream_options.include_usage.")
    fim: Literal["native", "prompted"] | None = None
    vaas: Vaas | None = None

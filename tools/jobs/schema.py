"""What is asked for when a batch is made: tasks in the body, or a file of them."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

MAX_WINDOW_H = 168
Window = Annotated[str, Field(pattern=r"^(\d{1,3}h|[1-7]d)$")]
Metadata = Annotated[
    dict[
        Annotated[str, Field(max_length=64)],
        Annotated[str, Field(max_length=512)],
    ],
    Field(max_length=16),
]


class TaskInput(BaseModel):
    """One call. Its tool follows from its model, or from ``endpoint``."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    custom_id: str = Field(min_length=1, max_length=512, description="Your name for the task, once.")
    model: str = Field(min_length=1, max_length=256, description="Model id; each task has its own.")
    request_body: dict[str, Any] = Field(description="The body of the call, without model and stream.")
    endpoint: str | None = Field(None, max_length=64, description="Path of the call.")


class BatchInput(BaseModel):
    """Tasks to run, at most 2 MiB of them in one request."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    tasks: list[TaskInput] = Field(min_length=1, max_length=50_000, description="The calls.")
    priority: Literal["high", "low", "fill"] = Field(
        "low", description="high goes first, fill runs on idle engines alone; each has its price."
    )
    webhook_url: str | None = Field(
        None, max_length=2048, description="Told when the batch has ended (Standard Webhooks)."
    )
    completion_window: Window = Field("24h", description="Tasks that did not run by then expire.")
    metadata: Metadata | None = Field(None, description="Kept with the batch.")


class ExpiresAfter(BaseModel):
    """When the output files go."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    anchor: Literal["created_at"]
    seconds: int = Field(ge=3600, le=2_592_000)


class FileBatchInput(BaseModel):
    """A batch of the lines of an uploaded file: OpenAI's request, with the priority and the webhook."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    input_file_id: str = Field(max_length=64, description="A file of the purpose batch, JSON lines.")
    endpoint: str | None = Field(
        None, max_length=64, description="Path of all calls; without it each line's own."
    )
    completion_window: Window = Field("24h", description="Tasks that did not run by then expire.")
    metadata: Metadata | None = Field(None, description="Kept with the batch.")
    output_expires_after: ExpiresAfter | None = Field(None, description="Lifetime of the output files.")
    priority: Literal["high", "low", "fill"] = Field("low", description="As of inline batches.")
    webhook_url: str | None = Field(None, max_length=2048, description="Told when the batch has ended.")


class BatchOutput(BaseModel):
    """The batch as it was accepted."""

    model_config = ConfigDict(extra="allow")

    id: str
    status: str
    priority: Literal["high", "low", "fill"]
    total_tasks: int
    completed_tasks: int
    failed_tasks: int


class BatchIdInput(BaseModel):
    """Names a batch."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    id: str = Field(min_length=1, max_length=64, description="Id of the batch.")


def window_ms(window: str) -> int:
    """``24h`` or ``1d`` in milliseconds. Raises ValueError beyond a week or below an hour."""
    hours = int(window[:-1]) * (24 if window.endswith("d") else 1)
    if not 1 <= hours <= MAX_WINDOW_H:
        raise ValueError(window)
    return hours * 3_600_000

"""The routes of batches and webhooks, and their wire shapes."""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from base.errors import Forbidden, InvalidRequest, NotFound, ServiceUnavailable
from manifests.chunk import WithEvidence
from manifests.headers import CALL, RECORD, SETTLEMENT
from manifests.operation import JSON, SSE, Auth, ErrorType, Operation, Param, Reply
from tools.jobs.batches import BatchEnded
from tools.jobs.schema import BatchInput, FileBatchInput

_ID = Param("id", "path", "Batch id.", required=True)
_SEEN = ("X-Request-Id",)


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow")


class BatchObject(_Open):
    """A batch: the documented members, OpenAI's beside them. ``status`` is pending, running, completed,
    failed, cancelled or expired where the tasks came in the body, and OpenAI's word where they came in
    a file."""

    id: str
    object: Literal["batch"]
    status: str
    priority: Literal["high", "low", "fill"]
    total_tasks: int
    completed_tasks: int
    failed_tasks: int
    webhook_url: str | None
    quoted_usd: str = Field(description="The most that it may cost; held until it ends.")
    cost_usd: str = Field(description="What its tasks were charged so far.")
    cost_cents: int
    records: dict[str, Any] | None = Field(
        description="Count and Merkle root (RFC 9162) of the payload hashes of its records, by task."
    )
    endpoint: str | None
    input_file_id: str | None
    output_file_id: str | None
    error_file_id: str | None
    completion_window: str
    created_at: int
    expires_at: int
    request_counts: dict[str, int]


class BatchTask(BaseModel):
    """One task of a batch that was made inline."""

    custom_id: str | None
    status: Literal["pending", "completed", "failed", "cancelled", "expired"]
    run_id: str | None = None
    result: dict[str, Any] | None = Field(None, description="What the call alone would have answered.")
    error: dict[str, Any] | None = None


class BatchDetail(BatchObject):
    """A batch; with its tasks where they came in the body."""

    tasks: list[BatchTask] | None = None


class BatchList(BaseModel):
    """OpenAI's list object of batches."""

    object: Literal["list"]
    data: list[BatchObject]
    first_id: str | None
    last_id: str | None
    has_more: bool


class WebhookSecretInput(BaseModel):
    """Whether to make a new secret; for a day messages are signed with the old one too."""

    model_config = ConfigDict(extra="forbid")

    rotate: bool = False


class WebhookSecret(BaseModel):
    """The account's signing secret (Standard Webhooks)."""

    object: Literal["webhook.secret"]
    secret: str = Field(description="whsec_ and the Base64 of 32 bytes.")


class WebhookDelivery(BaseModel):
    """An event and what came of its delivery. Times are Unix seconds."""

    id: str
    object: Literal["webhook.delivery"]
    batch_id: str
    type: str
    url: str
    state: Literal["due", "delivered", "dead"]
    attempts: int
    last_status: int | None
    last_problem: str | None
    created_at: int
    next_attempt_at: int | None
    ended_at: int | None


class WebhookDeliveries(BaseModel):
    """The newest hundred."""

    object: Literal["list"]
    data: list[WebhookDelivery]
    has_more: Literal[False]


def batch_operations(
    params: Sequence[Param], payment_errors: Sequence[ErrorType]
) -> tuple[Operation, ...]:
    """Make, list, get, cancel, watch."""
    made = {"anyOf": [{"allOf": [BatchObject, WithEvidence]}, BatchObject]}
    return (
        Operation(
            "POST",
            "/v1/batches",
            "createBatch",
            "Hand in a batch",
            Auth.PAID,
            "batch",
            "Tasks in the body (at most 2 MiB, paid with a key or by x402), or a file of tasks as "
            "OpenAI's. The most that the tasks may cost is held, what they do not use comes back.",
            "batches",
            params,
            request={"anyOf": [BatchInput, FileBatchInput]},
            replies={200: Reply("The batch.", {JSON: made}, (*CALL, *RECORD, *SETTLEMENT))},
            errors=(NotFound, *payment_errors),
        ),
        Operation(
            "GET",
            "/v1/batches",
            "listBatches",
            "List the batches",
            Auth.KEY,
            description=(
                "An array of the newest thousand; OpenAI's list object where after, limit or the header "
                "X-Stainless-Lang is sent."
            ),
            tag="batches",
            params=(
                Param("after", "query", "Id of the batch behind which the page begins."),
                Param("limit", "query", "Most batches.", _whole(100)),
                Param("X-Stainless-Lang", "header", "Sent by OpenAI's SDKs."),
            ),
            replies={
                200: Reply(
                    "Batches, newest first.",
                    {JSON: {"anyOf": [{"type": "array", "items": BatchObject}, BatchList]}},
                    _SEEN,
                )
            },
            errors=(InvalidRequest, Forbidden, NotFound, ServiceUnavailable),
        ),
        Operation(
            "GET",
            "/v1/batches/{id}",
            "getBatch",
            "Get one batch",
            Auth.KEY,
            description="How far it is; with the results of its tasks where they came in the body.",
            tag="batches",
            params=(_ID,),
            replies={200: Reply("The batch.", {JSON: BatchDetail}, _SEEN)},
            errors=(InvalidRequest, Forbidden, NotFound, ServiceUnavailable),
        ),
        Operation(
            "POST",
            "/v1/batches/{id}/cancel",
            "cancelBatch",
            "Cancel a batch",
            Auth.KEY,
            description="Nothing more of it runs. What has run is charged and its results stay.",
            tag="batches",
            params=(_ID,),
            replies={200: Reply("The batch.", {JSON: BatchObject}, _SEEN)},
            errors=(InvalidRequest, Forbidden, NotFound, BatchEnded, ServiceUnavailable),
        ),
        Operation(
            "GET",
            "/v1/batches/{id}/events",
            "watchBatch",
            "Watch a batch",
            Auth.KEY,
            description="Server-sent events (batch.in_progress, ...), each the batch, until it ends.",
            tag="batches",
            params=(_ID,),
            replies={200: Reply("The events.", {SSE: BatchObject}, ())},
            errors=(InvalidRequest, Forbidden, NotFound, ServiceUnavailable),
        ),
    )


def webhook_operations() -> tuple[Operation, ...]:
    """The signing secret, and the log of deliveries."""
    return (
        Operation(
            "POST",
            "/v1/webhooks/secret",
            "createWebhookSecret",
            "Get or renew the signing secret",
            Auth.KEY,
            description="What signs your webhooks (Standard Webhooks); rotate makes a new secret.",
            tag="batches",
            request=WebhookSecretInput,
            body_required=False,
            replies={200: Reply("The secret.", {JSON: WebhookSecret}, _SEEN)},
            errors=(Forbidden, ServiceUnavailable),
        ),
        Operation(
            "GET",
            "/v1/webhooks/deliveries",
            "listWebhookDeliveries",
            "List webhook deliveries",
            Auth.KEY,
            description="What became of the newest hundred events.",
            tag="batches",
            replies={200: Reply("The deliveries.", {JSON: WebhookDeliveries}, _SEEN)},
            errors=(InvalidRequest, Forbidden, ServiceUnavailable),
        ),
    )


def _whole(most: int) -> dict[str, object]:
    return {"type": "integer", "minimum": 1, "maximum": most}

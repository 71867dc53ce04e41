"""A batch as a value, and how its owner is shown it: the inline shape and OpenAI's.

A video and a response in the background are kept as one too: jobs of one call, which no list of batches
shows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import orjson

from base.caller import Caller, CallerKind
from base.money import cents_rounded, usd_text
from storage.op import Row

VIDEOS: Final = "/v1/videos"
"""The endpoint of jobs that are videos."""
BACKGROUND: Final = "background"
"""The endpoint of jobs that are responses in the background."""
STREAMED: Final = "streamed"
"""What the metadata of a job say whose response is kept piece by piece."""
OF_ONE: Final = (VIDEOS, BACKGROUND)
"""The endpoints of jobs of one call."""


class Status(StrEnum):
    """OpenAI's states of a batch."""

    VALIDATING = "validating"
    IN_PROGRESS = "in_progress"
    CANCELLING = "cancelling"
    FINALIZING = "finalizing"
    COMPLETED = "completed"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self in _ENDED


_COUNTS: Final = (
    "total",
    "completed",
    "failed",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "quoted_nano_usd",
    "charged_nano_usd",
    "records",
)
_LATER: Final = ("in_progress_at_ms", "cancelling_at_ms", "finalizing_at_ms", "ended_at_ms")
_ENDED: Final = frozenset({Status.COMPLETED, Status.FAILED, Status.EXPIRED, Status.CANCELLED})

# what the inline shape calls them
_INLINE: Final[Mapping[str, str]] = {
    Status.VALIDATING: "pending",
    Status.IN_PROGRESS: "running",
    Status.FINALIZING: "running",
    Status.CANCELLING: "cancelled",
}


class Priority(StrEnum):
    """Who goes first; ``fill`` runs on engines that have nothing else to do."""

    HIGH = "high"
    LOW = "low"
    FILL = "fill"

    @property
    def rank(self) -> int:
        return tuple(Priority).index(self)


@dataclass(frozen=True, slots=True)
class Batch:
    """A row of the table, typed."""

    id: str
    seq: str
    account_id: str
    key_id: str | None
    wallet: bool
    region: str
    workspace: str
    scopes: str | None
    inline: bool
    endpoint: str | None
    priority: Priority
    completion_window: str
    input_file_id: str
    output_file_id: str | None
    error_file_id: str | None
    output_life_s: int | None
    status: Status
    total: int
    completed: int
    failed: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    quoted_nano_usd: int
    charged_nano_usd: int
    records: int
    root: bytes | None
    errors: str
    metadata: str | None
    webhook_url: str | None
    created_at_ms: int
    expires_at_ms: int
    in_progress_at_ms: int | None
    cancelling_at_ms: int | None
    finalizing_at_ms: int | None
    ended_at_ms: int | None
    gone_at_ms: int
    lane: str | None
    progress: int | None
    salts_hashes: bool | None

    @property
    def rail(self) -> str:
        return "credit" if self.wallet else "balance"

    def row(self) -> Row:
        return {name: getattr(self, name) for name in Batch.__slots__}

    def shown(self) -> dict[str, Any]:
        """The object for its owner: the documented members, then OpenAI's. ``status`` is spelled as the
        shape in which the batch was made spells it."""
        told = self._told()
        status = _INLINE.get(told, told.value) if self.inline else told.value
        return {
            "id": self.id,
            "object": "batch",
            "status": status,
            "priority": self.priority.value,
            "total_tasks": self.total,
            "completed_tasks": self.completed,
            "failed_tasks": self.failed,
            "webhook_url": self.webhook_url,
            **self._money(),
            "records": self._records(),
            **self._openai(),
        }

    def _told(self) -> Status:
        """A cancelled batch is ``cancelling`` until its end, though its files are being written."""
        cancelled = self.status is Status.FINALIZING and self.cancelling_at_ms is not None
        return Status.CANCELLING if cancelled else self.status

    def _money(self) -> dict[str, Any]:
        return {
            "quoted_usd": usd_text(self.quoted_nano_usd),
            "cost_usd": usd_text(self.charged_nano_usd),
            "cost_cents": cents_rounded(self.charged_nano_usd),
        }

    def _records(self) -> dict[str, Any] | None:
        """The Merkle tree (RFC 9162) over the payload hashes of the records, in the order of tasks."""
        if self.root is None:
            return None
        return {"count": self.records, "root": "sha256:" + self.root.hex()}

    def _openai(self) -> dict[str, Any]:
        ended = {
            f"{name}_at": _seconds(self.ended_at_ms) if self.status == name else None
            for name in ("completed", "failed", "expired", "cancelled")
        }
        errors = orjson.loads(self.errors)
        return {
            "endpoint": self.endpoint,
            "input_file_id": None if self.inline else self.input_file_id,
            "completion_window": self.completion_window,
            "output_file_id": self.output_file_id,
            "error_file_id": self.error_file_id,
            "errors": {"object": "list", "data": errors} if errors else None,
            "created_at": self.created_at_ms // 1000,
            "in_progress_at": _seconds(self.in_progress_at_ms),
            "expires_at": self.expires_at_ms // 1000,
            "finalizing_at": _seconds(self.finalizing_at_ms),
            "cancelling_at": _seconds(self.cancelling_at_ms),
            **ended,
            "request_counts": {
                "total": self.total,
                "completed": self.completed,
                "failed": self.failed,
            },
            "usage": {
                "input_tokens": self.input_tokens,
                "input_tokens_details": {"cached_tokens": self.cached_tokens},
                "output_tokens": self.output_tokens,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": self.input_tokens + self.output_tokens,
            },
            "metadata": None if self.metadata is None else orjson.loads(self.metadata),
        }


def new_batch(
    caller: Caller,
    batch_id: str,
    *,
    seq: str,
    file_id: str,
    priority: Priority,
    window_ms: int,
    at_ms: int,
    keep_ms: int,
    **more: Any,
) -> Batch:
    """A job of this caller that has just been asked for; ``more`` are members that it has already."""
    new: dict[str, Any] = {
        "inline": False,
        "endpoint": None,
        "completion_window": f"{window_ms // 3_600_000}h",
        "output_file_id": None,
        "error_file_id": None,
        "output_life_s": None,
        "status": Status.VALIDATING,
        **dict.fromkeys(_COUNTS, 0),
        "root": None,
        "errors": "[]",
        "metadata": None,
        "webhook_url": None,
        **dict.fromkeys(_LATER),
        "lane": None,
        "progress": None,
        "salts_hashes": caller.salts_hashes,
    }
    return Batch(
        id=batch_id,
        seq=seq,
        account_id=caller.account_id or "",
        key_id=caller.key_id,
        wallet=caller.kind is CallerKind.WALLET,
        region=caller.region,
        workspace=caller.workspace,
        scopes=" ".join(sorted(caller.scopes)) or None,
        priority=priority,
        input_file_id=file_id,
        created_at_ms=at_ms,
        expires_at_ms=at_ms + window_ms,
        gone_at_ms=at_ms + window_ms + keep_ms,
        **new | more,
    )


def batch_of(row: Row) -> Batch:
    typed = {"status": Status(row["status"]), "priority": Priority(row["priority"])}
    return Batch(**{name: row[name] for name in Batch.__slots__} | typed)


def _seconds(at_ms: int | None) -> int | None:
    return None if at_ms is None else at_ms // 1000

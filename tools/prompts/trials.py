"""Trials of a candidate version against a baseline: what is asked for, and how they stand."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import orjson
from sqlalchemy import select

from base.clock import iso_utc
from base.errors import NotFound, RateLimited
from storage.op import Key, Op, Refused, Row, Rows, Store
from tools.prompts.tables import PROMPT_SAMPLE, PROMPT_TRIAL
from tools.prompts.template import version_id_of

DOCS: Final = "/docs/experiments"
JUDGE: Final = "deterministic_replay"
MOST_LISTED: Final = 200
MOST_OPEN: Final = 4


class Kind(StrEnum):
    REPLAY = "replay"
    SPLIT = "split"


class Status(StrEnum):
    """``queued``, ``replaying`` and ``comparing`` are open, ``running`` is a split's; the others end."""

    QUEUED = "queued"
    REPLAYING = "replaying"
    COMPARING = "comparing"
    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    STOPPED = "stopped"
    INCOMPLETE = "incomplete"
    NO_SAMPLES = "no_samples"


OPEN: Final = (Status.QUEUED, Status.REPLAYING, Status.COMPARING)


class Promotion(StrEnum):
    """``superseded``: another version was promoted meanwhile."""

    PENDING = "pending"
    PROMOTED = "promoted"
    NOT_PROMOTED = "not_promoted"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Trials:
    """The trials of accounts."""

    store: Store

    async def of(self, account_id: str, trial_id: str) -> Row:
        """Raises NotFound, the same for one of another account."""
        query = select(PROMPT_TRIAL).where(
            PROMPT_TRIAL.c.account_id == account_id, PROMPT_TRIAL.c.id == trial_id
        )
        rows = await self.store.read(query)
        if not rows:
            raise NotFound(
                "There is no such experiment.",
                param="id",
                resolution="GET /v1/experiments lists your experiments.",
            )
        return rows[0]

    async def newest(self, account_id: str, *kinds: Kind) -> Sequence[Row]:
        """Of these kinds, the newest first."""
        query = select(PROMPT_TRIAL).where(
            PROMPT_TRIAL.c.account_id == account_id, PROMPT_TRIAL.c.kind.in_(kinds)
        )
        return await self.store.read(query.order_by(PROMPT_TRIAL.c.id.desc()).limit(MOST_LISTED))

    async def open(self) -> Sequence[Row]:
        """Those of everybody that there is work for, the oldest first."""
        query = select(PROMPT_TRIAL).where(PROMPT_TRIAL.c.status.in_(OPEN))
        return await self.store.read(query.order_by(PROMPT_TRIAL.c.id).limit(MOST_LISTED))

    async def check_room(self, account_id: str) -> None:
        """Raises RateLimited for an account that has as many open ones as one may."""
        query = select(PROMPT_TRIAL.c.id).where(
            PROMPT_TRIAL.c.status.in_(OPEN), PROMPT_TRIAL.c.account_id == account_id
        )
        if len(await self.store.read(query.limit(MOST_OPEN))) >= MOST_OPEN:
            raise RateLimited(
                f"{MOST_OPEN} regressions of the account run, the most at once.",
                resolution="Wait until one has ended: GET /v1/prompt-regressions.",
            )

    async def has_samples(self, account_id: str) -> bool:
        query = select(PROMPT_SAMPLE.c.slot).where(PROMPT_SAMPLE.c.account_id == account_id)
        return bool(await self.store.read(query.limit(1)))

    async def status(self, account_id: str, rows: Sequence[Row]) -> str:
        """Whether there is anything to show, or to replay."""
        return "ready" if rows or await self.has_samples(account_id) else "no_samples"

    async def regressions(self, account_id: str) -> dict[str, Any]:
        """As GET /v1/prompt-regressions shows them."""
        rows = await self.newest(account_id, Kind.REPLAY)
        status = await self.status(account_id, rows)
        return {"status": status, "docs": DOCS, "items": [regression(row) for row in rows]}


def regression(row: Row) -> dict[str, Any]:
    """A replay; figures are null until it has ended."""
    result = orjson.loads(row["result"])
    return {
        "regression_id": "preg_" + row["id"],
        "registry_id": row["name"],
        "baseline_prompt_version_id": version_id_of(row["name"], row["baseline"]),
        "candidate_prompt_version_id": version_id_of(row["name"], row["candidate"]),
        "status": row["status"],
        "judge": JUDGE,
        "sample_count": result.get("sample_count", 0),
        "pass_count": result.get("pass_count", 0),
        "fail_count": result.get("fail_count", 0),
        "baseline_pass_count": result.get("baseline_pass_count", 0),
        "avg_similarity": result.get("avg_similarity"),
        "baseline_avg_latency_ms": result.get("baseline_avg_latency_ms"),
        "candidate_avg_latency_ms": result.get("candidate_avg_latency_ms"),
        "reasons": result.get("reasons", []),
        "samples": result.get("samples", []),
        "cost_usd": result.get("cost_usd", "0"),
        "rule": orjson.loads(row["rule"]),
        "batch_id": row["batch_id"],
        "experiment_id": "pexp_" + row["id"],
        **_times(row),
    }


def shown_experiment(row: Row, sample_count: int, pass_rate: float | None) -> dict[str, Any]:
    """What an experiment of either kind tells."""
    return {
        "experiment_id": "pexp_" + row["id"],
        "kind": row["kind"],
        "registry_id": row["name"],
        "baseline_prompt_version_id": version_id_of(row["name"], row["baseline"]),
        "candidate_prompt_version_id": version_id_of(row["name"], row["candidate"]),
        "status": row["status"],
        "promotion_status": row["promotion"],
        "sample_count": sample_count,
        "pass_rate": pass_rate,
        "regression_id": "preg_" + row["id"] if row["kind"] == Kind.REPLAY else None,
        "arms": [],
        "verdict": None,
        **_times(row),
    }


def trial_id_of(any_id: str) -> str:
    """The id behind that of an experiment or a regression."""
    return any_id.removeprefix("pexp_").removeprefix("preg_")


def changed(trial_id: str, if_status: Status, **values: Any) -> Op:
    """Goes on from ``if_status`` alone, else it is refused."""
    key = Key("prompt_trial", (trial_id,))

    def fold(rows: Rows) -> Refused | None:
        row = rows.get(key)
        if row is None or row["status"] != if_status:
            return Refused("moved")
        rows.put(key, row | values)
        return None

    return Op((key,), fold)


def _times(row: Row) -> dict[str, Any]:
    ended_ms = row["ended_at_ms"]
    return {
        "created_at": iso_utc(row["created_at_ms"]),
        "ended_at": None if ended_ms is None else iso_utc(ended_ms),
    }

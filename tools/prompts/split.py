"""Experiments on live calls: a prompt's callers are split between two versions, outcomes are counted."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import func, select

from base.clock import Clock
from base.errors import InvalidRequest, NotFound
from base.ids import new_uuid
from base.money import usd_text
from settlement.ledger.reports import PromptUse, Span, UsageReports
from storage.op import Key, Op, Refused, Row, Rows, Store
from tools.prompts.book import PromptBook, not_found
from tools.prompts.tables import PROMPT_OUTCOME
from tools.prompts.template import version_id_of
from tools.prompts.trials import Kind, Promotion, Status, Trials, shown_experiment

_Z: Final = 1.959964  # of a two-sided interval of 95 %


@dataclass(frozen=True, slots=True)
class Splits:
    """Starts and ends them, counts outcomes, and says what these tell."""

    book: PromptBook
    trials: Trials
    store: Store
    clock: Clock
    usage: UsageReports

    async def start(
        self, account_id: str, name: str, candidate: str, baseline: str | None, share: float
    ) -> Row:
        """Split the calls that name no version from now on; ``share`` of the callers get the candidate.
        Raises InvalidRequest, NotFound."""
        prompt = await self.book.prompt(account_id, name)
        if prompt is None:
            raise not_found(name)
        base = baseline or prompt["promoted"]
        if base is None or base == candidate:
            raise InvalidRequest(
                "An experiment needs a baseline that is not the candidate.",
                param="baseline",
                resolution="Name the baseline, or promote a version.",
            )
        await self.book.find(account_id, name, candidate)
        await self.book.find(account_id, name, base)
        row: Row = {
            "id": new_uuid().hex,
            "account_id": account_id,
            "name": name,
            "kind": Kind.SPLIT.value,
            "baseline": base,
            "candidate": candidate,
            "status": Status.RUNNING.value,
            "promotion": Promotion.PENDING.value,
            "rule": orjson.dumps({"share": share}).decode(),
            "result": "{}",
            "salt": b"",
            "box": b"",
            "batch_id": None,
            "created_at_ms": self.clock.now_ms(),
            "ended_at_ms": None,
        }
        of_prompt, of_trial = Key("prompt", (account_id, name)), Key("prompt_trial", (row["id"],))

        def fold(rows: Rows) -> Refused | None:
            now = rows.get(of_prompt)
            if now is None or now["split_id"] is not None:
                return Refused("running")
            rows.put(of_prompt, now | {"split_id": row["id"]})
            rows.put(of_trial, dict(row))
            return None

        if isinstance(await self.store.commit(Op((of_prompt,), fold, fresh=(of_trial,))), Refused):
            raise InvalidRequest(
                f"An experiment splits the calls of {name} already.",
                param="registry_id",
                resolution="Stop it first: POST /v1/experiments/{id}/stop.",
            )
        return row

    async def stop(self, account_id: str, trial_id: str, *, promote: bool) -> None:
        """End it, and promote the candidate where that is asked for. Raises NotFound, InvalidRequest."""
        row = await self.trials.of(account_id, trial_id)
        of_prompt, of_trial = Key("prompt", (account_id, row["name"])), Key("prompt_trial", (trial_id,))
        told = (account_id, row["name"], row["candidate"], f"pexp_{trial_id}")
        promotion = self.book.promotion(*told)
        became = Promotion.PROMOTED if promote else Promotion.NOT_PROMOTED
        ended = {
            "status": Status.STOPPED.value,
            "promotion": became.value,
            "ended_at_ms": self.clock.now_ms(),
        }

        def fold(rows: Rows) -> Refused | None:
            trial, prompt = rows.get(of_trial), rows.get(of_prompt)
            if trial is None or prompt is None or trial["status"] != Status.RUNNING:
                return Refused("ended")
            rows.put(of_trial, trial | ended)
            rows.put(of_prompt, prompt | {"split_id": None})
            if promote:
                promotion.fold(rows)
            return None

        if isinstance(await self.store.commit(Op((of_trial, of_prompt), fold)), Refused):
            raise InvalidRequest(
                "Only an experiment on live calls that runs can be stopped.",
                param="id",
                resolution="GET /v1/experiments shows which run.",
            )
        if promote:
            self.book.tell(row["account_id"])

    async def outcome(self, account_id: str, trial_id: str, run_id: str, *, good: bool) -> None:
        """Keep what came of a run, once a run: the last word counts. Raises NotFound, InvalidRequest."""
        trial = await self.trials.of(account_id, trial_id)
        if trial["status"] != Status.RUNNING:
            raise InvalidRequest("The experiment has ended.", param="id")
        run = await self.usage.run(account_id, run_id)
        arms = {version_id_of(trial["name"], trial[arm]) for arm in ("baseline", "candidate")}
        is_its = run is not None and run["prompt_version"] in arms
        if run is None or not is_its or run["started_at_ms"] < trial["created_at_ms"]:
            raise NotFound(
                "The experiment has no such run.",
                param="run_id",
                resolution="Send the X-BatchIn-Run-Id of a call that it bound to one of its versions.",
            )
        key = Key("prompt_outcome", (trial_id, run_id))
        row: Row = {
            "trial_id": trial_id,
            "run_id": run_id,
            "version": run["prompt_version"],
            "good": int(good),
        }
        await self.store.commit(Op((key,), lambda rows: rows.put(key, dict(row))))

    async def shown(self, row: Row) -> dict[str, Any]:
        """The experiment with its arms, and what their outcomes tell."""
        span = Span(row["created_at_ms"], row["ended_at_ms"])
        used = {use.version_id: use for use in await self.usage.by_prompt(row["account_id"], span)}
        query = (
            select(
                PROMPT_OUTCOME.c.version,
                func.count().label("count"),
                func.sum(PROMPT_OUTCOME.c.good).label("good"),
            )
            .where(PROMPT_OUTCOME.c.trial_id == row["id"])
            .group_by(PROMPT_OUTCOME.c.version)
        )
        outcomes = {found["version"]: found for found in await self.store.read(query)}
        share = orjson.loads(row["rule"])["share"]
        arms = []
        for role, part in (("baseline", 1 - share), ("candidate", share)):
            version_id = version_id_of(row["name"], row[role])
            told = outcomes.get(version_id, {"count": 0, "good": 0})
            arms.append(_arm(role, version_id, part, used.get(version_id), told["count"], told["good"]))
        verdict = _verdict(*arms)
        candidate = arms[1]
        return shown_experiment(row, candidate["outcomes"], candidate["good_rate"]) | {
            "arms": arms,
            "verdict": verdict,
        }


def wilson(good: int, count: int) -> tuple[float, float]:
    """The 95 % interval of a rate (Wilson 1927): honest where there are few."""
    if count == 0:
        return 0.0, 1.0
    rate, square = good / count, _Z * _Z
    middle = rate + square / (2 * count)
    width = _Z * math.sqrt(rate * (1 - rate) / count + square / (4 * count * count))
    scale = 1 + square / count
    return max(0.0, (middle - width) / scale), min(1.0, (middle + width) / scale)


def newcombe(first: tuple[int, int], second: tuple[int, int]) -> tuple[float, float]:
    """The 95 % interval of the second rate minus the first, each ``(good, count)`` (Newcombe 1998,
    method 10: from the Wilson intervals of both)."""
    (low1, high1), (low2, high2) = wilson(*first), wilson(*second)
    rate1, rate2 = first[0] / first[1], second[0] / second[1]
    difference = rate2 - rate1
    return (
        difference - math.hypot(rate2 - low2, high1 - rate1),
        difference + math.hypot(high2 - rate2, rate1 - low1),
    )


def _arm(
    role: str, version_id: str, share: float, use: PromptUse | None, count: int, good: int
) -> dict[str, Any]:
    return {
        "role": role,
        "version_id": version_id,
        "share": round(share, 4),
        "runs": use.runs if use else 0,
        "completed_runs": use.completed if use else 0,
        "avg_latency_ms": round(use.took_ms / use.runs) if use else None,
        "cost_usd": usd_text(use.charged_nano_usd if use else 0),
        "outcomes": count,
        "good": good,
        "good_rate": round(good / count, 4) if count else None,
        "good_rate_95": [round(bound, 4) for bound in wilson(good, count)],
    }


def _verdict(baseline: dict[str, Any], candidate: dict[str, Any]) -> dict[str, Any]:
    """Undecided unless the interval of the difference leaves zero out."""
    first, second = ((arm["good"], arm["outcomes"]) for arm in (baseline, candidate))
    if 0 in (first[1], second[1]):
        return {"decision": "no_outcomes", "difference": None, "difference_95": None}
    low, high = newcombe(first, second)
    decision = "candidate_better" if low > 0 else "baseline_better" if high < 0 else "undecided"
    return {
        "decision": decision,
        "difference": round(second[0] / second[1] - first[0] / first[1], 4),
        "difference_95": [round(low, 4), round(high, 4)],
    }


async def shown_all(splits: Splits, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Experiments of both kinds, as GET /v1/experiments shows them."""
    shown = []
    for row in rows:
        if row["kind"] == Kind.SPLIT:
            shown.append(await splits.shown(row))
        else:
            result = orjson.loads(row["result"])
            count = result.get("sample_count", 0)
            shown.append(shown_experiment(row, count, result["pass_count"] / count if count else None))
    return shown

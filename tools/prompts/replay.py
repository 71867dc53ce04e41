"""Regressions: samples that a candidate and its baseline answer anew, judged, and what follows.

Both versions are asked by batches of the account, at the priority ``fill``: batches hold the money
first, survive restarts, run each task once and charge it. What goes on is in the row of the trial alone,
and each batch is made under an idempotency key of the trial: a crash between two steps repeats none.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from base.caller import Caller, CallerKind
from base.clock import Clock
from base.errors import BatchinError, Forbidden, InvalidRequest
from base.ids import new_uuid
from base.money import NANO_PER_CENT, usd_text
from base.sealing import Sealed, Sealer, Unsealable
from settlement.ledger.reports import UsageReports
from storage.errors import StorageUnavailable
from storage.op import Key, Op, Refused, Row, Rows, Store
from tools.jobs.batch import Batch
from tools.jobs.batch import Status as BatchStatus
from tools.jobs.batches import Batches
from tools.jobs.schema import BatchInput
from tools.prompts.book import PromptBook, Version, not_found
from tools.prompts.judge import Pair, Rule, cosine, judge
from tools.prompts.samples import Sample, Samples
from tools.prompts.template import version_id_of
from tools.prompts.trials import Kind, Promotion, Status, Trials, changed

Submit = Callable[[Caller, BatchInput, str], Awaitable[str]]
"""Make a batch for a caller, once under a name: its id. Raises BatchinError."""
Price = Callable[[BatchInput], Awaitable[int]]
"""The most that a batch may cost, in nano-USD."""
REGRESSION: Final = "regression_id"
"""The member of a batch's metadata that says whose it is."""
_LOOK_S: Final = 0.5
_AGAIN_S: Final = 5.0
_ENDPOINTS: Final = {"chat": "/v1/chat/completions", "respond": "/v1/responses"}
_EMBED: Final = "/v1/embeddings"
_MOST_CHARS: Final = 8000  # of an answer that is compared
_log: Final = logging.getLogger("batchin.prompts")


@dataclass(frozen=True, slots=True)
class Wish:
    """A regression that is asked for."""

    name: str
    candidate: str
    baseline: str | None
    samples: int
    budget_cents: int
    rule: Rule


@dataclass(frozen=True, slots=True)
class Replays:
    """Starts regressions and takes them to their end. ``embedding_model`` compares answers, None where
    no engine does."""

    book: PromptBook
    trials: Trials
    samples: Samples
    store: Store
    sealer: Sealer
    clock: Clock
    usage: UsageReports
    batches: Batches
    price: Price
    submit: Submit
    embedding_model: str | None
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _proposed: list[tuple[str, str, str]] = field(default_factory=list)

    async def start(self, caller: Caller, wish: Wish) -> Row:
        """The row of a new trial. Raises InvalidRequest, NotFound, and Forbidden for a wallet."""
        if caller.kind is not CallerKind.ACCOUNT or caller.account_id is None:
            raise Forbidden("A wallet has no samples.", resolution="Use an account's API key.")
        await self.trials.check_room(caller.account_id)
        candidate, baseline = await self._versions(caller.account_id, wish)
        found = await self.samples.newest(caller.account_id, wish.name, wish.samples)
        tasks, runs = await self._affordable(found, candidate, baseline, wish)
        plan = {
            "caller": kept_caller(caller),
            "tasks": tasks,
            "runs": runs,
            "budget_nano_usd": wish.budget_cents * NANO_PER_CENT,
            "embedding_model": self.embedding_model,
        }
        row = self._row(caller.account_id, wish, baseline.version)
        if runs:
            row |= {
                "status": Status.QUEUED.value,
                "promotion": Promotion.PENDING.value,
                "ended_at_ms": None,
                **self._sealed(plan),
            }
        await self._begin(row)
        return row

    def propose(self, account_id: str, name: str, version: str) -> None:
        """A version is new: where its prompt wants that, it is replayed against the promoted one."""
        self._proposed.append((account_id, name, version))
        self._wake.set()

    async def run(self) -> None:
        """Take open trials to their end, until cancelled: those of an earlier process too."""
        while True:
            self._wake.clear()
            while self._proposed:
                await self._replay_by_itself(*self._proposed.pop(0))
            pause_s = await self._look()
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._wake.wait()

    async def _look(self) -> float | None:
        """A step of each open trial; after how long to look again, None where only a new one is work."""
        try:
            rows = await self.trials.open()
        except StorageUnavailable:
            return _AGAIN_S
        for row in rows:
            await self._try(row)
        return _LOOK_S if rows else None

    async def _replay_by_itself(self, account_id: str, name: str, version: str) -> None:
        """Begin what the prompt says for new versions. One that can't begin is kept with the reason."""
        try:
            prompt = await self.book.prompt(account_id, name)
            if prompt is None or prompt["automatic"] is None:
                return
            baseline: str | None = prompt["promoted"]
            if baseline is None or baseline == version:
                return
            plan = orjson.loads(prompt["automatic"])
            rule = Rule.model_validate(plan["rule"])
            wish = Wish(name, version, None, plan["samples"], plan["budget_cents"], rule)
            try:
                await self.start(caller_of(plan["caller"]), wish)
            except BatchinError as error:
                told = orjson.dumps({"reasons": [error.message]}).decode()
                early = {"status": Status.INCOMPLETE.value, "result": told}
                await self._begin(self._row(account_id, wish, baseline) | early)
        except Exception:  # noqa: BLE001 - trials that run go on
            _log.exception("a new version could not be replayed", extra={"prompt": name})

    def _row(self, account_id: str, wish: Wish, baseline: str) -> Row:
        """A trial that nothing can be replayed for, for there are no samples."""
        now_ms = self.clock.now_ms()
        return {
            "id": new_uuid().hex,
            "account_id": account_id,
            "name": wish.name,
            "kind": Kind.REPLAY.value,
            "baseline": baseline,
            "candidate": wish.candidate,
            "status": Status.NO_SAMPLES.value,
            "promotion": Promotion.NOT_PROMOTED.value,
            "rule": orjson.dumps(wish.rule.model_dump(by_alias=True)).decode(),
            "result": "{}",
            **self._sealed(None),
            "batch_id": None,
            "created_at_ms": now_ms,
            "ended_at_ms": now_ms,
        }

    async def _begin(self, row: Row) -> None:
        key = Key("prompt_trial", (row["id"],))
        await self.store.commit(Op((), lambda rows: rows.put(key, dict(row)), fresh=(key,)))
        self._wake.set()

    async def _try(self, row: Row) -> None:
        try:
            await self._go_on(row)
        except StorageUnavailable:
            _log.warning("a regression waits for the storage", extra={"trial": row["id"]})
        except Exception:  # noqa: BLE001 - others go on, and this one is tried again
            _log.exception("a regression could not go on", extra={"trial": row["id"]})

    async def _go_on(self, row: Row) -> None:
        try:
            await self._step(row)
        except BatchinError as error:
            if error.status < 500 and error.status not in (409, 429):
                await self._end_early(row, error.message)

    async def _step(self, row: Row) -> None:
        plan = await asyncio.to_thread(self._opened, row)
        if plan is None:
            await self._end_early(row, "what was to be replayed can't be read any more")
        elif row["status"] == Status.QUEUED:
            await self._replay(row, plan)
        elif row["status"] == Status.REPLAYING:
            await self._after_replay(row, plan)
        else:
            await self._after_comparison(row, plan)

    async def _replay(self, row: Row, plan: Mapping[str, Any]) -> None:
        asked = _batch(plan["tasks"], row)
        batch_id = await self.submit(caller_of(plan["caller"]), asked, f"{row['id']}-replay")
        await self._went_on(row, batch_id, status=Status.REPLAYING.value)

    async def _after_replay(self, row: Row, plan: Mapping[str, Any]) -> None:
        batch = await self.batches.get(row["account_id"], row["batch_id"])
        if not batch.status.ended:
            return
        if batch.status is not BatchStatus.COMPLETED:
            await self._end_early(row, f"its batch is {batch.status.value}", batch)
            return
        pairs = await self._pairs(batch, plan)
        tasks = _comparisons(pairs, plan["embedding_model"])
        asked = _batch(tasks, row) if tasks else None
        if asked is None or not await self._affords(asked, plan, batch):
            await self._end(row, plan, pairs, (batch,))
            return
        batch_id = await self.submit(caller_of(plan["caller"]), asked, f"{row['id']}-compare")
        sealed = self._sealed({**plan, "replay_batch": batch.id})
        await self._went_on(row, batch_id, status=Status.COMPARING.value, **sealed)

    async def _went_on(self, row: Row, batch_id: str, **values: Any) -> None:
        """Note the batch that runs now; one of a trial that was deleted meanwhile goes with it."""
        step = changed(row["id"], Status(row["status"]), batch_id=batch_id, **values)
        if isinstance(await self.store.commit(step), Refused):
            await self.batches.erase(row["account_id"], batch_id)

    async def _after_comparison(self, row: Row, plan: Mapping[str, Any]) -> None:
        compared = await self.batches.get(row["account_id"], row["batch_id"])
        if not compared.status.ended:
            return
        batch = await self.batches.get(row["account_id"], plan["replay_batch"])
        tasks = (await self.batches.detail(compared))["tasks"]
        similar = await asyncio.to_thread(_similarities, tasks)
        pairs = [_similar(pair, similar) for pair in await self._pairs(batch, plan)]
        await self._end(row, plan, pairs, (batch, compared))

    async def _pairs(self, batch: Batch, plan: Mapping[str, Any]) -> list[Pair]:
        """The answers, by sample."""
        tasks = {task["custom_id"]: task for task in (await self.batches.detail(batch))["tasks"]}
        run_ids = [task["run_id"] for task in tasks.values() if task.get("run_id")]
        used = await self.usage.of_runs(batch.account_id, run_ids)
        took = {row["run_id"]: row["ended_at_ms"] - row["started_at_ms"] for row in used}
        pairs = []
        for number, run_id in enumerate(plan["runs"]):
            candidate, baseline = tasks[f"candidate-{number}"], tasks[f"baseline-{number}"]
            pairs.append(
                Pair(
                    run_id,
                    _answer(candidate),
                    _answer(baseline),
                    took.get(candidate.get("run_id"), 0),
                    took.get(baseline.get("run_id"), 0),
                )
            )
        return pairs

    async def _end(
        self, row: Row, plan: Mapping[str, Any], pairs: Sequence[Pair], batches: Sequence[Batch]
    ) -> None:
        rule = Rule.model_validate(orjson.loads(row["rule"]))
        measured = plan["embedding_model"] is not None
        judgement = await asyncio.to_thread(judge, rule, pairs, measures_similarity=measured)
        status = Status.PASSED if judgement.passed else Status.FAILED
        result = {**judgement.result, "cost_usd": _cost(batches)}
        await self._keep_end(row, status, result, promote=judgement.passed and rule.auto_promote)

    async def _end_early(self, row: Row, reason: str, *batches: Batch) -> None:
        result = {"reasons": [reason], "cost_usd": _cost(batches)}
        await self._keep_end(row, Status.INCOMPLETE, result, promote=False)

    async def _keep_end(
        self, row: Row, status: Status, result: Mapping[str, Any], *, promote: bool
    ) -> None:
        """What it came to, and the promotion that follows, in one commit."""
        trial = Key("prompt_trial", (row["id"],))
        by = f"pexp_{row['id']}"
        told = (row["account_id"], row["name"], row["candidate"], by)
        promotion = self.book.promotion(*told, instead_of=row["baseline"])
        ended = {
            "status": status.value,
            "result": orjson.dumps(result).decode(),
            "ended_at_ms": self.clock.now_ms(),
            **self._sealed(None),
        }

        def fold(rows: Rows) -> Refused | None:
            now = rows.get(trial)
            if now is None or now["status"] != row["status"]:
                return Refused("moved")
            became = Promotion.NOT_PROMOTED
            if promote:
                became = Promotion.PROMOTED if promotion.fold(rows) else Promotion.SUPERSEDED
            rows.put(trial, now | ended | {"promotion": became.value})
            return None

        await self.store.commit(Op((trial, *promotion.keys), fold))
        if promote:
            self.book.tell(row["account_id"])

    async def _versions(self, account_id: str, wish: Wish) -> tuple[Version, Version]:
        prompt = await self.book.prompt(account_id, wish.name)
        if prompt is None:
            raise not_found(wish.name)
        baseline = wish.baseline or prompt["promoted"]
        if baseline is None:
            raise InvalidRequest(
                f"No version of {wish.name} is promoted.",
                param="baseline",
                resolution="Name the baseline, or promote a version.",
            )
        if baseline == wish.candidate:
            raise InvalidRequest("The candidate is the baseline.", param="candidate")
        if wish.rule.auto_promote and baseline != prompt["promoted"]:
            raise InvalidRequest(
                "auto_promote replaces the promoted version; that is not the baseline.",
                param="rule.auto_promote",
                resolution="Leave baseline out, or auto_promote.",
            )
        candidate = await self.book.find(account_id, wish.name, wish.candidate)
        return candidate, await self.book.find(account_id, wish.name, baseline)

    async def _affordable(
        self, found: Sequence[Sample], candidate: Version, baseline: Version, wish: Wish
    ) -> tuple[list[dict[str, Any]], list[str]]:
        """The tasks of as many samples as the budget pays for, and their runs. Raises InvalidRequest
        where it pays for none."""
        tasks: list[dict[str, Any]] = []
        runs: list[str] = []
        left = wish.budget_cents * NANO_PER_CENT
        for sample in found:
            both = _tasks(len(runs), sample, candidate, baseline)
            if both is None:
                continue
            price = await self.price(BatchInput.model_validate({"tasks": both, "priority": "fill"}))
            if price > left and not runs:
                raise InvalidRequest(
                    f"One sample may cost {usd_text(price)} USD, more than the budget.",
                    param="budget_cents",
                    resolution="Raise budget_cents.",
                )
            if price > left:
                break
            left -= price
            tasks += both
            runs.append(sample.run_id)
        return tasks, runs

    async def _affords(self, asked: BatchInput, plan: Mapping[str, Any], batch: Batch) -> bool:
        left: int = plan["budget_nano_usd"] - batch.charged_nano_usd
        return await self.price(asked) <= left

    def _sealed(self, plan: Mapping[str, Any] | None) -> dict[str, bytes]:
        if plan is None:
            return {"salt": b"", "box": b""}
        sealed = self.sealer.seal(orjson.dumps(plan))
        return {"salt": sealed.salt, "box": sealed.box}

    def _opened(self, row: Row) -> dict[str, Any] | None:
        try:
            plan: dict[str, Any] = orjson.loads(self.sealer.open(Sealed(row["salt"], row["box"])))
        except Unsealable:
            return None
        return plan


def _tasks(
    number: int, sample: Sample, candidate: Version, baseline: Version
) -> list[dict[str, Any]] | None:
    """One sample asked of both versions; None where it lacks a variable of one of them."""
    tasks = []
    for role, version in (("baseline", baseline), ("candidate", candidate)):
        wanted = version.template.variables
        if not set(wanted) <= sample.variables.keys():
            return None
        filled = version.template.filled({name: sample.variables[name] for name in wanted})
        said = [*filled, *sample.messages]
        same = (
            {"messages": said, "seed": 0} if sample.tool == "chat" else {"input": said, "store": False}
        )
        body = {**sample.asked, **same, "temperature": 0}
        model = body.pop("model")
        tasks.append(
            {
                "custom_id": f"{role}-{number}",
                "model": model,
                "request_body": body,
                "endpoint": _ENDPOINTS[sample.tool],
            }
        )
    return tasks


def _comparisons(pairs: Sequence[Pair], model: str | None) -> list[dict[str, Any]]:
    """Tasks that embed both answers to a sample; none for one that lacks an answer."""
    if model is None:
        return []
    return [
        {
            "custom_id": pair.run_id,
            "model": model,
            "request_body": {"input": [pair.candidate[:_MOST_CHARS], pair.baseline[:_MOST_CHARS]]},
            "endpoint": _EMBED,
        }
        for pair in pairs
        if pair.candidate and pair.baseline
    ]


def _similarities(tasks: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    found = {}
    for task in tasks:
        if task["status"] == "completed":
            one, other = (entry["embedding"] for entry in task["result"]["data"])
            found[task["custom_id"]] = cosine(one, other)
    return found


def _similar(pair: Pair, found: Mapping[str, float]) -> Pair:
    return Pair(
        pair.run_id,
        pair.candidate,
        pair.baseline,
        pair.candidate_ms,
        pair.baseline_ms,
        found.get(pair.run_id),
    )


def _answer(task: Mapping[str, Any]) -> str | None:
    if task["status"] != "completed":
        return None
    result = task["result"]
    if "choices" in result:
        return str(result["choices"][0]["message"]["content"] or "")
    parts = (part for item in result["output"] if item["type"] == "message" for part in item["content"])
    return "".join(part["text"] for part in parts if part["type"] == "output_text")


def _batch(tasks: Sequence[Mapping[str, Any]], row: Row) -> BatchInput:
    about = {
        REGRESSION: f"preg_{row['id']}",
        "candidate": version_id_of(row["name"], row["candidate"]),
    }
    return BatchInput.model_validate({"tasks": tasks, "priority": "fill", "metadata": about})


def _cost(batches: Sequence[Batch]) -> str:
    return usd_text(sum(batch.charged_nano_usd for batch in batches))


def kept_caller(caller: Caller) -> dict[str, Any]:
    """Who pays, for later: no secret."""
    return {
        "account_id": caller.account_id,
        "key_id": caller.key_id,
        "lane": caller.lane,
        "region": caller.region,
        "workspace": caller.workspace,
        "scopes": sorted(caller.scopes),
        "salts_hashes": caller.salts_hashes,
    }


def caller_of(kept: Mapping[str, Any]) -> Caller:
    return Caller(
        CallerKind.ACCOUNT,
        kept["account_id"],
        kept["key_id"],
        kept["lane"],
        kept["region"],
        kept["workspace"],
        frozenset(kept["scopes"]),
        salts_hashes=kept["salts_hashes"],
    )

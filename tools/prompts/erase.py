"""Erasing what is kept of prompts: samples alone, or a prompt with everything that belongs to it."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import Select, select

from base.errors import NotFound
from storage.op import Key, Store
from tools.jobs.batches import Batches
from tools.prompts.book import PromptBook, not_found
from tools.prompts.replay import REGRESSION
from tools.prompts.samples import Samples, erasure
from tools.prompts.tables import PROMPT_OUTCOME, PROMPT_TRIAL, PROMPT_VERSION
from tools.prompts.trials import OPEN, Promotion, Status, changed

_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class Eraser:
    """Deletes of one account at a time; a second time finishes what a crash cut."""

    book: PromptBook
    samples: Samples
    store: Store
    batches: Batches

    async def samples_of(self, account_id: str, name: str) -> dict[str, Any]:
        """Delete the samples of a prompt, and what regressions made of them. Raises NotFound."""
        if await self.book.prompt(account_id, name) is None:
            raise not_found(name)
        trials = await self._trials(account_id, name)
        for trial in trials:
            await self._end(trial)
        await self._batches_of(account_id, trials)
        erased = await self.samples.erase(account_id, name)
        return {"id": name, "object": "prompt.samples.deleted", "deleted": True, "samples": erased}

    async def prompt(self, account_id: str, name: str) -> dict[str, Any]:
        """Delete a prompt: no call finds it from now on. Its versions, samples, regressions and
        experiments go with it; one that runs is stopped. Raises NotFound."""
        prompt = await self.book.prompt(account_id, name)
        versions = [
            Key("prompt_version", (account_id, name, v)) for v in await self._of(account_id, name)
        ]
        trials = await self._trials(account_id, name)
        if prompt is None and not versions and not trials:
            raise not_found(name)
        await self.store.commit(erasure([Key("prompt", (account_id, name))]))
        await self._erase([Key("prompt_trial", (trial,)) for trial in trials])
        await self._batches_of(account_id, trials)
        for trial in trials:
            await self._outcomes_of(trial)
        erased = await self.samples.erase(account_id, name)
        await self._erase(versions)
        self.book.tell(account_id)
        return {
            "id": name,
            "object": "prompt.deleted",
            "deleted": True,
            "versions": len(versions),
            "samples": erased,
        }

    async def _end(self, trial: str) -> None:
        """End a regression that has not ended: what it was to replay goes with it."""
        told = orjson.dumps({"reasons": ["its samples were deleted"]}).decode()
        ended = {
            "status": Status.INCOMPLETE.value,
            "promotion": Promotion.NOT_PROMOTED.value,
            "result": told,
            "salt": b"",
            "box": b"",
            "ended_at_ms": self.book.clock.now_ms(),
        }
        for status in OPEN:
            await self.store.commit(changed(trial, status, **ended))

    async def _batches_of(self, account_id: str, trials: Sequence[str]) -> None:
        regressions = {f"preg_{trial}" for trial in trials}
        for batch_id, regression in (await self.batches.about(account_id, REGRESSION)).items():
            if regression in regressions:
                with suppress(NotFound):  # it went meanwhile
                    await self.batches.erase(account_id, batch_id)

    async def _outcomes_of(self, trial: str) -> None:
        query = select(PROMPT_OUTCOME.c.run_id).where(PROMPT_OUTCOME.c.trial_id == trial)
        while runs := await self._first(query.limit(_AT_ONCE)):
            await self._erase([Key("prompt_outcome", (trial, run)) for run in runs])

    async def _erase(self, keys: Sequence[Key]) -> None:
        for start in range(0, len(keys), _AT_ONCE):
            await self.store.commit(erasure(keys[start : start + _AT_ONCE]))

    async def _of(self, account_id: str, name: str) -> Sequence[str]:
        version = PROMPT_VERSION.c
        query = select(version.version).where(version.account_id == account_id, version.name == name)
        return await self._first(query)

    async def _trials(self, account_id: str, name: str) -> Sequence[str]:
        trial = PROMPT_TRIAL.c
        return await self._first(
            select(trial.id).where(trial.account_id == account_id, trial.name == name)
        )

    async def _first(self, query: Select[Any]) -> Sequence[str]:
        """The first column."""
        return [next(iter(row.values())) for row in await self.store.read(query)]

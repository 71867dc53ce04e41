"""The routes of regressions and experiments: started, listed, told what came of runs, stopped."""

from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from base.ids import run_id_from
from manifests.prompts import ExperimentStop, ExperimentWish, Outcome, RegressionWish
from server.web.caller import Callers
from server.web.methods import route
from server.web.owner import owned_answer, owner_of
from server.web.request import Head, read_body, read_json
from tools.arguments import parse
from tools.prompts.replay import Replays, Wish
from tools.prompts.split import Splits, shown_all
from tools.prompts.template import parted
from tools.prompts.trials import DOCS, Kind, Trials, regression, trial_id_of

ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class ExperimentRoutes:
    """Of the account of the key."""

    trials: Trials
    replays: Replays
    splits: Splits
    callers: Callers
    body_limit: int

    def routes(self) -> list[Route]:
        return [
            route("/v1/prompt-regressions", GET=self._regressions, POST=self._replay),
            route("/v1/experiments", GET=self._experiments, POST=self._split),
            route("/v1/experiments/{id}", GET=self._experiment),
            route("/v1/experiments/{id}/outcomes", POST=self._outcome),
            route("/v1/experiments/{id}/stop", POST=self._stop),
        ]

    async def _regressions(self, request: Request) -> Response:
        owner = owner_of(self.callers, request)
        return owned_answer(await self.trials.regressions(owner.account_id))

    async def _replay(self, request: Request) -> Response:
        owner = owner_of(self.callers, request)
        asked = await self._asked(request, owner.head, RegressionWish)
        wish = Wish(
            asked.registry_id,
            _version(asked.candidate),
            None if asked.baseline is None else _version(asked.baseline),
            asked.samples,
            asked.budget_cents,
            asked.rule,
        )
        return owned_answer(regression(await self.replays.start(owner.caller, wish)))

    async def _experiments(self, request: Request) -> Response:
        owner = owner_of(self.callers, request)
        rows = await self.trials.newest(owner.account_id, *Kind)
        items = await shown_all(self.splits, rows)
        status = await self.trials.status(owner.account_id, rows)
        return owned_answer({"status": status, "docs": DOCS, "items": items})

    async def _split(self, request: Request) -> Response:
        owner = owner_of(self.callers, request)
        asked = await self._asked(request, owner.head, ExperimentWish)
        baseline = None if asked.baseline is None else _version(asked.baseline)
        versions = (_version(asked.candidate), baseline, asked.share)
        row = await self.splits.start(owner.account_id, asked.registry_id, *versions)
        return owned_answer(await self.splits.shown(row))

    async def _experiment(self, request: Request) -> Response:
        owner = owner_of(self.callers, request)
        return await self._shown(owner.account_id, trial_id_of(request.path_params["id"]))

    async def _outcome(self, request: Request) -> Response:
        owner = owner_of(self.callers, request)
        asked = await self._asked(request, owner.head, Outcome)
        trial_id = trial_id_of(request.path_params["id"])
        run_id = run_id_from(asked.run_id) or ""
        await self.splits.outcome(owner.account_id, trial_id, run_id, good=asked.good)
        return await self._shown(owner.account_id, trial_id)

    async def _stop(self, request: Request) -> Response:
        owner = owner_of(self.callers, request)
        asked = await self._asked(request, owner.head, ExperimentStop)
        trial_id = trial_id_of(request.path_params["id"])
        await self.splits.stop(owner.account_id, trial_id, promote=asked.promote)
        return await self._shown(owner.account_id, trial_id)

    async def _shown(self, account_id: str, trial_id: str) -> Response:
        row = await self.trials.of(account_id, trial_id)
        [shown] = await shown_all(self.splits, [row])
        return owned_answer(shown)

    async def _asked(self, request: Request, head: Head, model: type[ModelT]) -> ModelT:
        body = await read_body(request.receive, head, self.body_limit)
        return parse(model, read_json(head, body) if body else {})


def _version(named: str) -> str:
    """The version of ``v2`` and of ``support@v2``."""
    name, version = parted(named)
    return version or name

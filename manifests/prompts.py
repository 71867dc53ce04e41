"""The routes of prompts, regressions and experiments, and their wire shapes."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from base.errors import Forbidden, InvalidRequest, NotFound
from manifests.operation import JSON, Auth, Operation, Param, Reply
from tools.prompts.judge import Rule
from tools.prompts.template import ANY_VERSION, NAME, VERSION, Template

_SEEN = ("X-Request-Id",)
_EXPERIMENT = Param("id", "path", "Experiment id.", required=True)
_ID = Param("id", "path", "Registry id: the name of the prompt.", required=True)


class PromptPush(Template):
    """A new version of a prompt."""

    name: str = Field(pattern=NAME, description="Registry id of the prompt.")
    version: str | None = Field(
        None, pattern=VERSION, description="Name of the version; by default the next number, v1, v2."
    )
    promote: bool = Field(False, description="Promote it at once.")


class Promotion(BaseModel):
    """Which version shall answer calls that name none."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    version: str = Field(pattern=VERSION, description="Its name, such as v2.")


class RegressionWish(BaseModel):
    """A replay of samples by two versions, paid by the account at the price of fill."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    registry_id: str = Field(pattern=NAME)
    candidate: str = Field(pattern=ANY_VERSION, description="A version, v2 or support@v2.")
    baseline: str | None = Field(
        None, pattern=ANY_VERSION, description="By default the promoted version."
    )
    samples: int = Field(10, ge=1, le=50, description="Most samples, the newest first.")
    budget_cents: int = Field(
        ge=1, le=1_000_000, description="The most that it may cost; fewer samples where it lacks."
    )
    rule: Rule = Field(default_factory=Rule)


class AutomaticRegressions(BaseModel):
    """The regression that each new version of a prompt gets by itself, against the promoted one; the key
    that asks for it pays."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    samples: int = Field(10, ge=1, le=50, description="Most samples, the newest first.")
    budget_cents: int = Field(
        ge=1, le=1_000_000, description="The most that each may cost; fewer samples where it lacks."
    )
    rule: Rule = Field(default_factory=Rule)


class Erased(BaseModel):
    """What was deleted."""

    id: str
    object: Literal["prompt.deleted", "prompt.samples.deleted"]
    deleted: Literal[True]
    versions: int | None = None
    samples: int


class ExperimentWish(BaseModel):
    """An experiment on the live calls that name the prompt without a version."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    registry_id: str = Field(pattern=NAME)
    candidate: str = Field(pattern=ANY_VERSION, description="A version, v2 or support@v2.")
    baseline: str | None = Field(
        None, pattern=ANY_VERSION, description="By default the promoted version."
    )
    share: float = Field(0.5, gt=0, lt=1, description="Part of the callers that get the candidate.")


class ExperimentStop(BaseModel):
    """How an experiment on live calls ends."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    promote: bool = Field(False, description="Promote the candidate.")


class Outcome(BaseModel):
    """What came of a run of an experiment."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    run_id: str = Field(max_length=64, description="Run or record id, of the answer's headers.")
    good: bool


class PromptVersion(BaseModel):
    """A version: ``registered`` is one that no call has named yet."""

    model_config = ConfigDict(extra="allow")

    version_id: str
    status: Literal["registered", "observed", "promoted"]
    total_runs: int
    content_hash: str | None = Field(description="Of its text; null where calls alone name it.")
    since: str
    last_run_at: str | None
    avg_latency_ms: int | None
    cost_usd: str


class PromptItem(BaseModel):
    """A prompt: ``auto_backfill`` is one that calls alone name, ``registry`` has texts."""

    model_config = ConfigDict(extra="allow")

    registry_id: str
    display_name: str
    source: Literal["auto_backfill", "registry"]
    latest_version_id: str
    promoted_version_id: str | None
    total_runs: int
    experiment_id: str | None = Field(description="Of the experiment that splits its calls now.")
    automatic: AutomaticRegressions | None = Field(
        description="The regression that each new version gets by itself."
    )
    versions: list[PromptVersion]


class PromptList(BaseModel):
    status: Literal["ready"]
    docs: str
    items: list[PromptItem]


class Regression(BaseModel):
    """A replay of samples by two versions. Figures are null until it has ended."""

    regression_id: str
    registry_id: str
    baseline_prompt_version_id: str
    candidate_prompt_version_id: str
    status: str = Field(
        description="queued, replaying, comparing; then passed, failed, incomplete or no_samples."
    )
    judge: Literal["deterministic_replay"]
    sample_count: int
    pass_count: int
    fail_count: int
    baseline_pass_count: int
    avg_similarity: float | None
    baseline_avg_latency_ms: int | None
    candidate_avg_latency_ms: int | None
    reasons: list[str] = Field(description="Why it did not pass.")
    samples: list[dict[str, Any]] = Field(description="By sample: run, verdict, similarity; no texts.")
    cost_usd: str
    rule: dict[str, Any]
    batch_id: str | None
    experiment_id: str
    created_at: str
    ended_at: str | None


class RegressionList(BaseModel):
    """``no_samples``: nothing was replayed, and no key keeps samples."""

    status: Literal["ready", "no_samples"]
    docs: str
    items: list[Regression]


class Experiment(BaseModel):
    """A candidate against a baseline: replayed, or on live calls (``split``)."""

    experiment_id: str
    kind: Literal["replay", "split"]
    registry_id: str
    baseline_prompt_version_id: str
    candidate_prompt_version_id: str
    status: str
    promotion_status: Literal["pending", "promoted", "not_promoted", "superseded"]
    sample_count: int
    pass_rate: float | None
    regression_id: str | None
    arms: list[dict[str, Any]] = Field(description="By version, of a split: runs, latency, outcomes.")
    verdict: dict[str, Any] | None = Field(description="Of a split: what its outcomes tell.")
    created_at: str
    ended_at: str | None


class ExperimentList(BaseModel):
    status: Literal["ready", "no_samples"]
    docs: str
    items: list[Experiment]


def prompt_operations() -> tuple[Operation, ...]:
    """What an account may see and do of its prompts."""
    return (
        Operation(
            "GET",
            "/v1/prompts",
            "listPrompts",
            "Prompts and their versions",
            Auth.KEY,
            description="The versions that were made and those that calls named, with their runs.",
            tag="prompts",
            replies={200: Reply("The prompts.", {JSON: PromptList}, _SEEN)},
            errors=(Forbidden,),
        ),
        Operation(
            "POST",
            "/v1/prompts",
            "pushPrompt",
            "Make a version of a prompt",
            Auth.KEY,
            description="A version never changes; the same text again is the same version.",
            tag="prompts",
            request=PromptPush,
            replies={200: Reply("The prompt.", {JSON: PromptItem}, _SEEN)},
            errors=(InvalidRequest, Forbidden),
        ),
        Operation(
            "GET",
            "/v1/prompts/{id}",
            "getPrompt",
            "A prompt with its texts",
            Auth.KEY,
            description="Its versions with their messages and variables, and its promotions.",
            tag="prompts",
            params=(_ID,),
            replies={200: Reply("The prompt.", {JSON: PromptItem}, _SEEN)},
            errors=(Forbidden, NotFound),
        ),
        Operation(
            "DELETE",
            "/v1/prompts/{id}",
            "deletePrompt",
            "Delete a prompt",
            Auth.KEY,
            description=(
                "With its versions, samples, regressions and experiments; what runs for it is stopped. "
                "Usage and records of its calls stay: they hold its name, no text."
            ),
            tag="prompts",
            params=(_ID,),
            replies={200: Reply("What was deleted.", {JSON: Erased}, _SEEN)},
            errors=(Forbidden, NotFound),
        ),
        Operation(
            "DELETE",
            "/v1/prompts/{id}/samples",
            "deletePromptSamples",
            "Delete the samples of a prompt",
            Auth.KEY,
            description="And the batches that replayed them; a regression that runs ends.",
            tag="prompts",
            params=(_ID,),
            replies={200: Reply("What was deleted.", {JSON: Erased}, _SEEN)},
            errors=(Forbidden, NotFound),
        ),
        Operation(
            "POST",
            "/v1/prompts/{id}/automatic",
            "automatePrompt",
            "Replay each new version by itself",
            Auth.KEY,
            description=(
                "Each new version that is not promoted at once is replayed against the promoted one; "
                "with rule.auto_promote it is promoted when it passes."
            ),
            tag="prompts",
            params=(_ID,),
            request=AutomaticRegressions,
            replies={200: Reply("The prompt.", {JSON: PromptItem}, _SEEN)},
            errors=(InvalidRequest, Forbidden, NotFound),
        ),
        Operation(
            "DELETE",
            "/v1/prompts/{id}/automatic",
            "stopAutomatingPrompt",
            "Replay new versions on request alone",
            Auth.KEY,
            description="Regressions that run go on.",
            tag="prompts",
            params=(_ID,),
            replies={200: Reply("The prompt.", {JSON: PromptItem}, _SEEN)},
            errors=(Forbidden, NotFound),
        ),
        Operation(
            "POST",
            "/v1/prompts/{id}/promote",
            "promotePrompt",
            "Promote a version",
            Auth.KEY,
            description="It answers the calls that name the prompt without a version.",
            tag="prompts",
            params=(_ID,),
            request=Promotion,
            replies={200: Reply("The prompt.", {JSON: PromptItem}, _SEEN)},
            errors=(InvalidRequest, Forbidden, NotFound),
        ),
        Operation(
            "POST",
            "/v1/prompts/{id}/rollback",
            "rollBackPrompt",
            "Promote what was promoted before",
            Auth.KEY,
            description="One step back; with nothing before it, no version is promoted.",
            tag="prompts",
            params=(_ID,),
            replies={200: Reply("The prompt.", {JSON: PromptItem}, _SEEN)},
            errors=(InvalidRequest, Forbidden, NotFound),
        ),
        Operation(
            "GET",
            "/v1/prompt-regressions",
            "listPromptRegressions",
            "Regressions of prompts",
            Auth.KEY,
            description="Replays of samples by a candidate and its baseline, the newest first.",
            tag="prompts",
            replies={200: Reply("The regressions.", {JSON: RegressionList}, _SEEN)},
            errors=(Forbidden,),
        ),
        Operation(
            "POST",
            "/v1/prompt-regressions",
            "startPromptRegression",
            "Replay samples by a candidate",
            Auth.KEY,
            description="Goes on by itself; the account pays, no more than the budget.",
            tag="prompts",
            request=RegressionWish,
            replies={200: Reply("The regression.", {JSON: Regression}, _SEEN)},
            errors=(InvalidRequest, Forbidden, NotFound),
        ),
        Operation(
            "GET",
            "/v1/experiments",
            "listExperiments",
            "Experiments on prompts",
            Auth.KEY,
            description="Replays and splits with what became of their candidates, the newest first.",
            tag="prompts",
            replies={200: Reply("The experiments.", {JSON: ExperimentList}, _SEEN)},
            errors=(Forbidden,),
        ),
        Operation(
            "POST",
            "/v1/experiments",
            "startExperiment",
            "Split live calls between two versions",
            Auth.KEY,
            description="By a hash of user or safety_identifier, else of the trace.",
            tag="prompts",
            request=ExperimentWish,
            replies={200: Reply("The experiment.", {JSON: Experiment}, _SEEN)},
            errors=(InvalidRequest, Forbidden, NotFound),
        ),
        Operation(
            "GET",
            "/v1/experiments/{id}",
            "getExperiment",
            "An experiment",
            Auth.KEY,
            description="By its id or by that of its regression.",
            tag="prompts",
            params=(_EXPERIMENT,),
            replies={200: Reply("The experiment.", {JSON: Experiment}, _SEEN)},
            errors=(Forbidden, NotFound),
        ),
        Operation(
            "POST",
            "/v1/experiments/{id}/outcomes",
            "tellOutcome",
            "Tell what came of a run",
            Auth.KEY,
            description="Once a run: the last word counts.",
            tag="prompts",
            params=(_EXPERIMENT,),
            request=Outcome,
            replies={200: Reply("The experiment.", {JSON: Experiment}, _SEEN)},
            errors=(InvalidRequest, Forbidden, NotFound),
        ),
        Operation(
            "POST",
            "/v1/experiments/{id}/stop",
            "stopExperiment",
            "Stop splitting live calls",
            Auth.KEY,
            description="Its calls get the promoted version again: the candidate, where it is promoted.",
            tag="prompts",
            params=(_EXPERIMENT,),
            request=ExperimentStop,
            body_required=False,
            replies={200: Reply("The experiment.", {JSON: Experiment}, _SEEN)},
            errors=(InvalidRequest, Forbidden, NotFound),
        ),
    )

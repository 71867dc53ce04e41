"""The deterministic judge: rules that an answer keeps, and the rule by which a version is promoted."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Discriminator, Field, field_validator

from runtime.grammars import schema_problem

_REGEX_S: Final = 0.25
_SIMILAR: Final = 0.8
_NOTICEABLE_MS: Final = 50
_REFUSALS: Final = (
    "i can't",
    "i cannot",
    "i can not",
    "i'm sorry, but",
    "i am sorry, but",
    "i'm unable",
    "i am unable",
    "i won't",
    "as an ai",
    "\u6211\u65e0\u6cd5",  # I am unable, in Chinese
    "\u6211\u4e0d\u80fd",  # I cannot
    "\u62b1\u6b49\uff0c",  # sorry,
    "\u5bf9\u4e0d\u8d77\uff0c",  # excuse me,
)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Equals(_Strict):
    """The answer is this text; spaces around both do not count."""

    type: Literal["equals"]
    text: str = Field(max_length=20_000)

    def holds(self, answer: str, baseline: str) -> bool:
        return answer.strip() == self.text.strip()


class Contains(_Strict):
    """The text stands in the answer, in any case of its letters."""

    type: Literal["contains"]
    text: str = Field(min_length=1, max_length=2000)

    def holds(self, answer: str, baseline: str) -> bool:
        return self.text.casefold() in answer.casefold()


class Matches(_Strict):
    """The regex (of Python's module regex) is found in the answer within a quarter of a second."""

    type: Literal["regex"]
    pattern: str = Field(min_length=1, max_length=500)

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, value: str) -> str:
        import regex  # type: ignore[import-untyped] # has no stubs

        try:
            regex.compile(value)
        except (regex.error, RecursionError, OverflowError) as error:
            raise ValueError(f"is no regex: {error}") from None
        return value

    def holds(self, answer: str, baseline: str) -> bool:
        import regex

        try:
            found = regex.search(self.pattern, answer, timeout=_REGEX_S, concurrent=True)
        except TimeoutError:
            return False
        return found is not None


class FitsSchema(_Strict):
    """The answer is JSON that satisfies a JSON Schema (draft 2020-12), without patterns and ``$ref``."""

    type: Literal["json_schema"]
    schema_: dict[str, Any] = Field(alias="schema")

    @field_validator("schema_")
    @classmethod
    def _plain(cls, value: dict[str, Any]) -> dict[str, Any]:
        from jsonschema import Draft202012Validator  # type: ignore[import-untyped] # has no stubs
        from jsonschema.exceptions import (  # type: ignore[import-untyped] # has no stubs
            SchemaError,
        )

        problem = schema_problem(value)
        if problem is not None:
            raise ValueError(f"is too complex: {problem}")
        names = set(_names(value))
        refused = names & {"pattern", "patternProperties", "$ref", "$dynamicRef"}
        if refused:
            raise ValueError(f"may not hold {min(refused)}")
        try:
            Draft202012Validator.check_schema(value)
        except SchemaError as error:
            raise ValueError(f"is no JSON Schema: {error.message[:200]}") from None
        return value

    def holds(self, answer: str, baseline: str) -> bool:
        from jsonschema import Draft202012Validator

        try:
            value = orjson.loads(answer)  # not json: it has no bound of its own for what lies how deep
            return bool(Draft202012Validator(self.schema_).is_valid(value))
        except (ValueError, RecursionError):
            return False


class Length(_Strict):
    """How many characters the answer has."""

    type: Literal["length"]
    min_chars: int = Field(1, ge=0, le=10**6)
    max_chars: int = Field(10**6, ge=1, le=10**6)

    def holds(self, answer: str, baseline: str) -> bool:
        return self.min_chars <= len(answer) <= self.max_chars


class NoRefusal(_Strict):
    """The answer does not begin as refusals do, where the baseline's does not either."""

    type: Literal["no_refusal"]

    def holds(self, answer: str, baseline: str) -> bool:
        return not refuses(answer) or refuses(baseline)


Check = Annotated[Equals | Contains | Matches | FitsSchema | Length | NoRefusal, Discriminator("type")]
DEFAULT: Final[Sequence[Check]] = (
    Length.model_validate({"type": "length"}),
    NoRefusal.model_validate({"type": "no_refusal"}),
)


class Rule(_Strict):
    """What a candidate is judged by. Promoted is one that passed, where ``auto_promote`` is set."""

    checks: list[Check] = Field(
        default_factory=list,
        max_length=16,
        description="All hold for a sample to pass. None: the answer is not empty and no refusal, and "
        f"its similarity to the baseline's is at least {_SIMILAR}.",
    )
    min_similarity: float | None = Field(
        None, ge=0, le=1, description="Least cosine of the answers' embeddings, by sample."
    )
    min_samples: int = Field(3, ge=1, le=50, description="Fewer decide nothing.")
    min_pass_rate: float = Field(1.0, ge=0, le=1, description="Least part of the samples that pass.")
    max_latency_ratio: float | None = Field(
        None,
        gt=0,
        le=100,
        description="Most that the candidate's average latency is of the baseline's; a difference under "
        f"{_NOTICEABLE_MS} ms is none.",
    )
    auto_promote: bool = Field(False, description="Promote the candidate when it passes.")

    @property
    def least_similarity(self) -> float | None:
        return self.min_similarity if self.checks else (self.min_similarity or _SIMILAR)


@dataclass(frozen=True, slots=True)
class Pair:
    """The answers of both versions to one sample, None where a call failed. ``similarity`` is the
    cosine of their embeddings, None where there is no embedding."""

    run_id: str
    candidate: str | None
    baseline: str | None
    candidate_ms: int
    baseline_ms: int
    similarity: float | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether the candidate passes, the figures, and why not."""

    passed: bool
    result: Mapping[str, Any]


def judge(rule: Rule, pairs: Sequence[Pair], *, measures_similarity: bool) -> Judgement:
    """Judge a candidate: the same answers are always judged the same. Without an embedding engine no
    similarity is asked for."""
    least = rule.least_similarity if measures_similarity else None
    shown = [_judged(rule, pair, least) for pair in pairs]
    passed = [sample for sample in shown if sample["passed"]]
    baseline = sum(_baseline_passes(rule, pair) for pair in pairs)
    similar = [pair.similarity for pair in pairs if pair.similarity is not None]
    answered = [pair for pair in pairs if pair.candidate is not None and pair.baseline is not None]
    took = (
        _average([pair.candidate_ms for pair in answered]),
        _average([pair.baseline_ms for pair in answered]),
    )
    reasons = _reasons(rule, len(pairs), len(passed), baseline, *took)
    result = {
        "sample_count": len(pairs),
        "pass_count": len(passed),
        "fail_count": len(pairs) - len(passed),
        "baseline_pass_count": baseline,
        "avg_similarity": round(sum(similar) / len(similar), 4) if similar else None,
        "candidate_avg_latency_ms": took[0],
        "baseline_avg_latency_ms": took[1],
        "reasons": reasons,
        "samples": shown,
    }
    return Judgement(not reasons, result)


def cosine(left: Sequence[float], right: Sequence[float]) -> float:
    """From -1 to 1; 0 where a vector has no length."""
    lengths = math.hypot(*left) * math.hypot(*right)
    return sum(a * b for a, b in zip(left, right, strict=True)) / lengths if lengths else 0.0


def refuses(answer: str) -> bool:
    """Whether a text begins as refusals do."""
    return answer.strip().casefold().replace("\u2019", "'").startswith(_REFUSALS)


def _judged(rule: Rule, pair: Pair, least: float | None) -> dict[str, Any]:
    failed = _failed(rule, pair, least)
    return {
        "run_id": pair.run_id,
        "passed": not failed,
        "failed_checks": failed,
        "similarity": None if pair.similarity is None else round(pair.similarity, 4),
        "candidate_latency_ms": pair.candidate_ms,
        "baseline_latency_ms": pair.baseline_ms,
    }


def _failed(rule: Rule, pair: Pair, least: float | None) -> list[str]:
    if pair.candidate is None:
        return ["call_failed"]
    baseline = pair.baseline or ""
    failed: list[str] = [c.type for c in rule.checks or DEFAULT if not c.holds(pair.candidate, baseline)]
    if least is not None and (pair.similarity is None or pair.similarity < least):
        failed.append("similarity")
    return failed


def _baseline_passes(rule: Rule, pair: Pair) -> bool:
    answer = pair.baseline
    return answer is not None and all(c.holds(answer, answer) for c in rule.checks or DEFAULT)


def _reasons(
    rule: Rule, count: int, passed: int, baseline: int, took_ms: int | None, base_ms: int | None
) -> list[str]:
    reasons = []
    if count < rule.min_samples:
        reasons.append(f"{count} samples are fewer than {rule.min_samples}")
    if count and passed / count < rule.min_pass_rate:
        reasons.append(f"{passed} of {count} samples pass, {rule.min_pass_rate:.0%} have to")
    if passed < baseline:
        reasons.append(f"the baseline passes {baseline} samples, the candidate {passed}")
    ratio = rule.max_latency_ratio
    if ratio is not None and took_ms is not None and base_ms is not None:
        slower = took_ms > ratio * base_ms and took_ms - base_ms >= _NOTICEABLE_MS
        if slower:
            reasons.append(f"{took_ms} ms are more than {ratio} times {base_ms} ms")
    return reasons


def _average(values: Sequence[int]) -> int | None:
    return round(sum(values) / len(values)) if values else None


def _names(schema: Any) -> list[str]:
    """All names of objects in it."""
    found: list[str] = []
    waiting = [schema]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            found.extend(node)
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)
    return found

"""The deterministic judge, and what few outcomes tell."""

from typing import Any

import pytest
from pydantic import ValidationError

from tools.prompts.binding import share_of
from tools.prompts.judge import Pair, Rule, cosine, judge
from tools.prompts.split import newcombe, wilson

SCHEMA = {"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}}}


def rule(*checks: dict[str, Any], **more: Any) -> Rule:
    return Rule.model_validate({"checks": list(checks), "min_samples": 1, **more})


def pair(candidate: str | None, baseline: str | None = "Paris.", **more: Any) -> Pair:
    return Pair("run_1", candidate, baseline, more.pop("candidate_ms", 10), 10, **more)


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        ({"type": "equals", "text": "Paris."}, " Paris.\n", "Paris"),
        ({"type": "contains", "text": "paris"}, "It is PARIS.", "It is Rome."),
        ({"type": "regex", "pattern": r"\d{3}"}, "abc 123", "abc 12"),
        ({"type": "regex", "pattern": r"^(a+)+$"}, "aaaa", "a" * 40 + "!"),
        ({"type": "json_schema", "schema": SCHEMA}, '{"city": "Paris"}', '{"city": 3}'),
        ({"type": "json_schema", "schema": SCHEMA}, '{"city": ""}', "Paris"),
        ({"type": "json_schema", "schema": SCHEMA}, '{"city": ""}', "[" * 100_000),
        ({"type": "length", "max_chars": 5}, "12345", "123456"),
        ({"type": "no_refusal"}, "Yes.", "I\u2019m sorry, but I can't."),
    ],
    ids=str,
)
def test_a_check_tells_good_from_bad(check: dict[str, Any], good: str, bad: str) -> None:
    judged = judge(rule(check), [pair(good), pair(bad)], measures_similarity=False)
    assert [sample["failed_checks"] for sample in judged.result["samples"]] == [[], [check["type"]]]
    assert not judged.passed


@pytest.mark.parametrize(
    "check",
    [
        {"type": "regex", "pattern": "("},
        {"type": "regex", "pattern": "a" * 501},
        {"type": "json_schema", "schema": {"type": "nothing"}},
        {"type": "json_schema", "schema": {"properties": {"a": {"pattern": "(a+)+$"}}}},
        {"type": "json_schema", "schema": {"$ref": "http://127.0.0.1/secret"}},
        {"type": "unknown"},
    ],
    ids=str,
)
def test_a_rule_that_can_not_be_judged_by_is_refused(check: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        rule(check)


def test_without_checks_similarity_decides() -> None:
    alike, other = pair("Paris!", similarity=0.9), pair("Bananas.", similarity=0.3)
    assert judge(rule(), [alike], measures_similarity=True).passed
    assert not judge(rule(), [other], measures_similarity=True).passed
    assert judge(rule(), [pair("Paris!")], measures_similarity=False).passed
    assert not judge(rule(), [pair("Paris!")], measures_similarity=True).passed  # it was not measured
    assert not judge(rule(), [pair("")], measures_similarity=False).passed


def test_a_refusal_where_the_baseline_refuses_is_none() -> None:
    refusal = "I cannot help with that."
    assert judge(rule(), [pair(refusal, refusal)], measures_similarity=False).passed
    assert not judge(rule(), [pair(refusal)], measures_similarity=False).passed


def test_a_candidate_passes_by_the_stated_rule() -> None:
    paris = {"type": "contains", "text": "paris"}
    good, bad = pair("Paris"), pair("Rome")
    few = Rule.model_validate({"checks": [paris], "min_samples": 3})
    assert not judge(few, [good, good], measures_similarity=False).passed
    assert judge(few, [good, good, good], measures_similarity=False).passed
    half = rule(paris, min_pass_rate=0.5)
    told = judge(half, [good, bad], measures_similarity=False)
    assert told.result["reasons"] == ["the baseline passes 2 samples, the candidate 1"]
    assert judge(half, [good, pair("Rome", "Rome")], measures_similarity=False).passed
    assert not judge(rule(paris), [pair(None)], measures_similarity=False).passed


def test_a_slower_candidate_fails_where_the_rule_says_so() -> None:
    slow = pair("Paris", candidate_ms=70)
    assert judge(rule(), [slow], measures_similarity=False).passed
    assert not judge(rule(max_latency_ratio=2.0), [slow], measures_similarity=False).passed
    noise = pair("Paris", candidate_ms=40)
    assert judge(rule(max_latency_ratio=2.0), [noise], measures_similarity=False).passed


def test_the_cosine_of_vectors() -> None:
    assert cosine([1, 0], [1, 0]) == pytest.approx(1)
    assert cosine([1, 0], [0, 2]) == 0
    assert cosine([0, 0], [0, 2]) == 0


def test_the_interval_of_a_rate_is_the_published_one() -> None:
    # Newcombe 1998, table I, method 3: 81 of 263, 15 of 148, 0 of 20
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=1e-4)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)


def test_the_interval_of_a_difference_is_the_published_one() -> None:
    # Newcombe 1998, table II, method 10: 56/70 - 48/80
    assert newcombe((48, 80), (56, 70)) == pytest.approx((0.0524, 0.3339), abs=1e-4)
    low, high = newcombe((1, 2), (2, 2))
    assert low < 0 < high  # two outcomes decide nothing


def test_a_caller_stays_in_its_share() -> None:
    shares = [share_of("experiment", f"user-{number}") for number in range(2000)]
    assert shares == [share_of("experiment", f"user-{number}") for number in range(2000)]
    assert 900 < sum(share < 0.5 for share in shares) < 1100
    assert shares != [share_of("another", f"user-{number}") for number in range(2000)]

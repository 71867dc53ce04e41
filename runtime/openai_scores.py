"""Answers of rerank and classify routes.

Rerank: SGLang answers a list of ``{"index", "score", "meta_info"}``, others ``{"results": [{"index",
"relevance_score"}], "usage"}``. Classify: ``{"data": [{"index", "label", "probs", "num_classes"}],
"usage"}``.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from base.usage import Usage
from runtime.engine import Fault, Label, Labels, Scores

_NO_CLASS: Final = {"label": "Default", "probs": [1.0]}  # what SGLang answers when it could not tell


def scores_of(body: bytes, documents: int) -> tuple[Scores, Usage] | Fault:
    """The scores in the order of the documents, and the usage."""
    try:
        answer = orjson.loads(body)
        rows = answer if isinstance(answer, list) else answer["results"]
        by_index = {int(row["index"]): _score(row) for row in rows}
        usage = _usage(answer, rows)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        return _internal("a rerank answer that can't be understood")
    if sorted(by_index) != list(range(documents)) or not all(map(math.isfinite, by_index.values())):
        return _internal("scores are missing or no numbers")
    return Scores(tuple(by_index[index] for index in range(documents))), usage


def labels_of(body: bytes, inputs: int) -> tuple[Labels, Usage] | Fault:
    """The labels in input order, and the usage."""
    try:
        answer = orjson.loads(body)
        rows = sorted(answer["data"], key=lambda row: int(row["index"]))
        labels = tuple(Label(str(row["label"]), tuple(map(float, row["probs"]))) for row in rows)
        usage = Usage(int(answer["usage"]["prompt_tokens"]))
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        return _internal("a classify answer that can't be understood")
    if [row["index"] for row in rows] != list(range(inputs)):
        return _internal("labels are missing")
    if not all(math.isfinite(number) for label in labels for number in label.probabilities):
        return _internal("probabilities that are no numbers")
    if any({name: row[name] for name in _NO_CLASS} == _NO_CLASS for row in rows):
        return _internal("a text without a class: the model is no classifier")
    return Labels(labels), usage


def _score(row: Mapping[str, Any]) -> float:
    return float(row["score"] if "score" in row else row["relevance_score"])


def _usage(answer: Any, rows: Sequence[Mapping[str, Any]]) -> Usage:
    """SGLang tells the tokens of each pair; the others tell them all together."""
    if isinstance(answer, list):
        return Usage(sum(int(row["meta_info"]["prompt_tokens"]) for row in rows))
    usage = answer["usage"]
    return Usage(int(usage.get("prompt_tokens") or usage["total_tokens"]))


def _internal(detail: str) -> Fault:
    return Fault("internal", retryable=False, status=502, detail=detail)

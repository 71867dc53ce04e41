"""Hashes that anyone can reproduce from a request and its answer: one rule a tool (docs/receipts.md)."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from base.canonical import canonical, canonical_request
from base.upload import Upload

_COMPLETED = ("index", "text", "finish_reason")
_OPTIONAL_TEXTS = ("refusal", "reasoning_content")


def sha256_of(data: bytes) -> str:
    """``sha256:<hex>``, the spelling of every hash in records and receipts."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def text_hash(text: str) -> str:
    """Of a text in UTF-8."""
    return sha256_of(text.encode())


def request_hash(body: Mapping[str, Any]) -> str:
    """Of the body as sent: RFC 8785, without ``stream`` and ``stream_options``, big integers as strings,
    each file of a form as its ``sha256:<hex>``.

    Raises NotCanonical.
    """
    files = {name: _told(value) for name, value in body.items() if isinstance(value, Upload | list)}
    return sha256_of(canonical_request({**body, **files} if files else body))


def _told(value: Any) -> Any:
    """A file, or a list that may hold some, as it stands in a request that is hashed."""
    if isinstance(value, Upload):
        return value.sha256
    return [one.sha256 if isinstance(one, Upload) else one for one in value]


def chat_response_hash(choices: Sequence[Mapping[str, Any]]) -> str:
    """Of ``[{index, message, finish_reason}]`` in the order of ``index``, in RFC 8785 form.

    A message holds ``role`` and ``content`` (``""`` where there is none), and ``refusal``,
    ``reasoning_content`` and ``tool_calls`` where they are not empty, so that an answer hashes alike
    whether it came whole or as a stream. Raises NotCanonical.
    """
    shown = [
        {
            "index": choice["index"],
            "message": _message(choice["message"]),
            "finish_reason": choice["finish_reason"],
        }
        for choice in choices
    ]
    if len(shown) > 1:
        shown.sort(key=lambda choice: int(choice["index"]))
    return sha256_of(canonical(shown))


def completion_response_hash(choices: Sequence[Mapping[str, Any]]) -> str:
    """Of ``[{index, text, finish_reason}]`` in the order of ``index``, in RFC 8785 form.

    An echoed prompt is part of its text. Raises NotCanonical.
    """
    shown = [{name: choice[name] for name in _COMPLETED} for choice in choices]
    shown.sort(key=lambda choice: int(choice["index"]))
    return sha256_of(canonical(shown))


def embeddings_response_hash(vectors: Iterable[bytes]) -> str:
    """Of the vectors in input order, each as little-endian float32, one after the other."""
    digest = hashlib.sha256()
    for vector in vectors:
        digest.update(vector)
    return "sha256:" + digest.hexdigest()


def rerank_response_hash(results: Iterable[Mapping[str, Any]]) -> str:
    """Of ``[index, score]`` of each result in its place, in RFC 8785 form, the score as a string of that
    same form. Raises NotCanonical."""
    pairs = [[item["index"], canonical(item["relevance_score"]).decode()] for item in results]
    return sha256_of(canonical(pairs))


def classes_response_hash(rows: Iterable[Mapping[str, Any]]) -> str:
    """Of ``[index, label, [probability, ...]]`` of each text in input order, in RFC 8785 form, each
    probability as a string of that same form. Raises NotCanonical."""
    shown = [
        [row["index"], row["label"], [canonical(one).decode() for one in row["probs"]]] for row in rows
    ]
    return sha256_of(canonical(shown))


def moderation_response_hash(results: Iterable[Mapping[str, Any]]) -> str:
    """Of ``[flagged, [[category, score], ...]]`` of each input in order, the categories sorted, in RFC
    8785 form, each score as a string of that same form. Raises NotCanonical."""
    return sha256_of(canonical([[one["flagged"], _scores(one)] for one in results]))


def transcription_response_hash(answer: Mapping[str, Any]) -> str:
    """Of ``{text}``, and of ``segments`` ``[{id, start, end, text}]`` where the answer has them, in
    RFC 8785 form. Raises NotCanonical."""
    shown: dict[str, Any] = {"text": answer["text"]}
    if "segments" in answer:
        shown["segments"] = [
            {name: segment[name] for name in ("id", "start", "end", "text")}
            for segment in answer["segments"]
        ]
    return sha256_of(canonical(shown))


def _scores(result: Mapping[str, Any]) -> list[list[str]]:
    scores = sorted(result["category_scores"].items())
    return [[name, canonical(score).decode()] for name, score in scores]


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {"role": message["role"], "content": message.get("content") or ""}
    for name in _OPTIONAL_TEXTS:
        if message.get(name):
            shown[name] = message[name]
    if message.get("tool_calls"):
        shown["tool_calls"] = [_tool_call(call) for call in message["tool_calls"]]
    return shown


def _tool_call(call: Mapping[str, Any]) -> dict[str, Any]:
    function = call["function"]
    return {
        "id": call["id"],
        "type": "function",
        "function": {"name": function["name"], "arguments": function["arguments"]},
    }

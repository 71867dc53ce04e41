"""Hash the answer of a tool as its caller holds it: the rule of each tool (docs/receipts.md)."""

import base64
import hashlib
import struct
from collections.abc import Callable, Mapping
from typing import Any, Final

from base.canonical import NotCanonical
from settlement.evidence.attested import ATTEST
from settlement.evidence.hashes import (
    chat_response_hash,
    classes_response_hash,
    completion_response_hash,
    embeddings_response_hash,
    moderation_response_hash,
    request_hash,
    rerank_response_hash,
    sha256_of,
    text_hash,
    transcription_response_hash,
)

Rule = Callable[[Any], str]


class UnreadableBody(ValueError):
    """The body is not what the tool answers; the message says why."""


def response_hash(tool: str, body: Any) -> str | None:
    """``sha256:...`` of a tool's answer; None for a tool without a rule. Raises UnreadableBody."""
    rule = _RULES.get(tool)
    if rule is None:
        return None
    try:
        return rule(body)
    except NotCanonical as error:
        raise UnreadableBody(error.message) from None
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, struct.error):
        raise UnreadableBody(f"The response is not an answer of {tool}.") from None


def named_request_hash(tool: str, body: Mapping[str, Any]) -> str:
    """``sha256:...`` of a request as the tool's record names it. Raises UnreadableBody."""
    if tool != ATTEST:
        return _canonical_hash(body)
    text = body.get("input_text")
    if not isinstance(text, str):
        raise UnreadableBody("The request holds no input_text.")
    return text_hash(text)


def _canonical_hash(body: Mapping[str, Any]) -> str:
    try:
        return request_hash(body)
    except NotCanonical as error:
        raise UnreadableBody(error.message) from None


def _attest(body: Mapping[str, Any]) -> str:
    """The text that was attested, in whatever holds it: the request does."""
    return text_hash(body["output_text"])


def _chat(body: Mapping[str, Any]) -> str:
    return chat_response_hash(body["choices"])


def _respond(body: Mapping[str, Any]) -> str:
    """As the chat completion that a response is made of: one choice, whose content is all output_text,
    whose reasoning all reasoning_text, and whose finish_reason follows from how the response ended. One
    that was taken on for later as what is known of it: its id."""
    if body.get("status") == "queued":
        return request_hash({"id": body["id"]})
    message: dict[str, Any] = {"role": "assistant", "content": "", "reasoning_content": ""}
    calls: list[dict[str, Any]] = []
    for item in body["output"]:
        match item["type"]:
            case "message":
                message["content"] += "".join(part["text"] for part in item["content"])
            case "reasoning":
                message["reasoning_content"] += "".join(part["text"] for part in item["content"])
            case "function_call":
                function = {"name": item["name"], "arguments": item["arguments"]}
                calls.append({"id": item["call_id"], "function": function})
            case kind:
                raise ValueError(f"an item of type {kind}")
    ended = "tool_calls" if calls else "stop"
    if body["incomplete_details"]:
        reason = body["incomplete_details"]["reason"]
        ended = "length" if reason == "max_output_tokens" else reason
    choice = {"index": 0, "message": {**message, "tool_calls": calls}, "finish_reason": ended}
    return chat_response_hash([choice])


def _complete(body: Mapping[str, Any]) -> str:
    return completion_response_hash(body["choices"])


def _embed(body: Mapping[str, Any]) -> str:
    rows = sorted(body["data"], key=lambda row: int(row["index"]))
    return embeddings_response_hash(_vector(row["embedding"]) for row in rows)


def _vector(embedding: Any) -> bytes:
    if isinstance(embedding, str):
        return base64.b64decode(embedding, validate=True)
    return struct.pack(f"<{len(embedding)}f", *embedding)


def _rerank(body: Mapping[str, Any]) -> str:
    return rerank_response_hash(body["results"])


def _classify(body: Mapping[str, Any]) -> str:
    return classes_response_hash(sorted(body["data"], key=lambda row: int(row["index"])))


def _moderate(body: Mapping[str, Any]) -> str:
    return moderation_response_hash(body["results"])


def _speech(body: Mapping[str, Any] | bytes) -> str:
    """The sound itself, or as the tool's output holds it."""
    if isinstance(body, bytes):
        return sha256_of(body)
    return sha256_of(base64.b64decode(body["audio"], validate=True))


def _transcribe(body: Mapping[str, Any] | bytes) -> str:
    """The text itself, or the answer that holds it."""
    return transcription_response_hash({"text": body.decode()} if isinstance(body, bytes) else body)


def _image(body: Mapping[str, Any] | bytes) -> str:
    """The PNG files one after the other, or the only one as its link gave it. An answer with links
    holds no pictures: put each in its entry as ``b64_json``."""
    if isinstance(body, bytes):
        return sha256_of(body)
    digest = hashlib.sha256()
    for entry in body["data"]:
        digest.update(base64.b64decode(entry["b64_json"], validate=True))
    return "sha256:" + digest.hexdigest()


_RULES: Final[Mapping[str, Rule]] = {
    ATTEST: _attest,
    "chat": _chat,
    "classify": _classify,
    "respond": _respond,
    "complete": _complete,
    "embed": _embed,
    "image": _image,
    "moderate": _moderate,
    "rerank": _rerank,
    "speech": _speech,
    "transcribe": _transcribe,
}

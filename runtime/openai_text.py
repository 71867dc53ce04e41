"""A choice of a text completion's stream."""

from collections.abc import Mapping
from typing import Any

from runtime.engine import Delta


def text_piece(choice: Mapping[str, Any]) -> Delta | None:
    """Reads choices. Of the log probabilities all members are passed on but ``text_offset``, which
    servers count from each chunk or not at all."""
    text, logprobs = choice.get("text") or "", choice.get("logprobs")
    if not (text or logprobs):
        return None
    if not isinstance(text, str):
        raise TypeError("a text that is none")
    return Delta(choice["index"], text, logprobs=_openai_logprobs(logprobs) if logprobs else None)


def _openai_logprobs(logprobs: Mapping[str, Any]) -> Mapping[str, Any]:
    """OpenAI's members; llama.cpp tells a list of tokens, as of a chat."""
    if "content" not in logprobs:
        told = {name: list(logprobs[name]) for name in ("tokens", "token_logprobs", "top_logprobs")}
        if not all(isinstance(token, str) for token in told["tokens"]):
            raise TypeError("a token that is no text")
        return told
    entries = logprobs["content"] or ()
    return {
        "tokens": [entry["token"] for entry in entries],
        "token_logprobs": [entry["logprob"] for entry in entries],
        "top_logprobs": [
            {each["token"]: each["logprob"] for each in entry["top_logprobs"]} for entry in entries
        ],
    }

"""A choice of a chat completion's stream."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runtime.engine import Delta


@dataclass(frozen=True, slots=True)
class ChatPiece:
    """Reads choices; ``top_logprobs`` is how many alternatives of a token the caller asked for."""

    top_logprobs: int

    def __call__(self, choice: Mapping[str, Any]) -> Delta | None:
        delta, logprobs = choice.get("delta") or {}, choice.get("logprobs")
        content = _text(delta.get("content"))
        if content and len(delta) == 1 and not logprobs:  # what most events bring
            return Delta(choice["index"], content)
        reasoning = _text(delta.get("reasoning_content") or delta.get("reasoning"))
        role, calls = delta.get("role"), _calls(delta.get("tool_calls"))
        if not (content or role or reasoning or calls or logprobs):
            return None
        shown = self._openai_logprobs(logprobs) if logprobs else None
        return Delta(choice["index"], content, role, reasoning, calls, shown)

    def _openai_logprobs(self, logprobs: Mapping[str, Any]) -> Mapping[str, Any]:
        """OpenAI's members alone, with as many alternatives as were asked for."""
        top = self.top_logprobs
        return {
            "content": [
                {**_token(entry), "top_logprobs": [_token(e) for e in entry["top_logprobs"][:top]]}
                for entry in logprobs.get("content") or ()
            ]
        }


def _text(told: Any) -> str:
    """Raises TypeError for what is no text."""
    if told is None or isinstance(told, str):
        return told or ""
    raise TypeError("a text that is none")


def _calls(told: Any) -> tuple[Any, ...]:
    """Pieces of called functions, each member of which is what it should be. Raises TypeError."""
    for piece in told or ():
        function = piece.get("function") or {}
        if type(piece.get("index") or 0) is not int:
            raise TypeError("a place that is no number")
        _text(piece.get("id"))
        _text(function.get("name"))
        _text(function.get("arguments"))
    return tuple(told or ())


def _token(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {"token": _text(entry["token"]), "logprob": entry["logprob"], "bytes": entry["bytes"]}

"""Errors of OpenAI-compatible servers as faults: one table for all their shapes.

Shapes seen on SGLang: ``{"object": "error", "message", "type", "code"}``, ``{"error": {"message",
"type", "code"}}``, ``{"error": "text"}``, ``{"detail": "text"}``, and the first two inside a stream
whose status was 200. llama.cpp, vLLM and OpenAI use the second.
"""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from runtime.engine import Fault
from runtime.http.failure import BadResponse, ConnectFailed, HttpFailure, ReaderTooSlow, SilenceTooLong

_DETAIL_MAX: Final = 200
_CONTEXT_SIGNS: Final = (
    "context length",
    "context size",
    "context window",
    "context_length_exceeded",
    "exceed_context_size",
    "longer than the model's context",
    "maximum input length",
)
_BY_STATUS: Final = {
    400: ("invalid", False),
    401: ("internal", False),
    403: ("internal", False),
    404: ("internal", False),
    405: ("internal", False),
    408: ("stalled", True),
    413: ("context", False),
    422: ("invalid", False),
    429: ("overloaded", True),
    502: ("unavailable", True),
    503: ("overloaded", True),
    504: ("stalled", True),
}


def fault_of_body(status: int, body: bytes) -> Fault:
    """The fault of an answer whose HTTP status is not 200."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        answer = None
    return fault_of_error(answer, status) or _fault(status, body.decode("utf-8", "replace"))


def fault_of_error(answer: Any, status: int = 500) -> Fault | None:
    """The fault that a decoded answer or stream event tells; None when it tells none. ``status`` holds
    where the error has no status of its own."""
    if not isinstance(answer, Mapping):
        return None
    error = answer.get("error")
    if isinstance(error, Mapping):
        return _fault_of_members(error, status)
    if error:
        return _fault(status, str(error))
    if answer.get("object") == "error":
        return _fault_of_members(answer, status)
    if "detail" in answer:
        return _fault(status, str(answer["detail"]))
    return None


def fault_of_failure(failure: HttpFailure) -> Fault:
    """The fault of an exchange that did not end well."""
    detail = str(failure)
    match failure:
        case SilenceTooLong():
            return Fault("stalled", retryable=True, status=504, detail=detail)
        case ConnectFailed():
            return Fault("unavailable", retryable=True, status=503, detail=detail)
        case ReaderTooSlow():
            return Fault("truncated", retryable=False, status=502, detail=detail)
        case BadResponse():
            return Fault("internal", retryable=False, status=502, detail=detail)
        case _:
            return Fault("unavailable", retryable=True, status=502, detail=detail)


def _fault_of_members(error: Mapping[str, Any], status: int) -> Fault:
    code = error.get("code")
    if isinstance(code, str) and code.isdigit():
        code = int(code)
    signs = f"{error.get('message')} {error.get('type')} {error.get('code')}"
    return _fault(code if isinstance(code, int) and 400 <= code < 600 else status, signs)


def _fault(status: int, text: str) -> Fault:
    kind, retryable = _BY_STATUS.get(status, ("internal", status >= 500))
    if kind == "invalid" and any(sign in text.lower() for sign in _CONTEXT_SIGNS):
        kind = "context"
    if kind == "overloaded" and "loading model" in text.lower():
        kind = "unavailable"
    return Fault(kind, retryable, status, text[:_DETAIL_MAX])

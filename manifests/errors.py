"""The documented errors: when each occurs, and which ones an operation may answer with."""

from collections.abc import Sequence

from base.errors import (
    ChargeUnconfirmed,
    Conflict,
    DeadlineExceeded,
    EngineError,
    EngineNotConfigured,
    EngineOverloaded,
    Forbidden,
    IdempotencyMismatch,
    InsufficientFunds,
    InternalError,
    InvalidRequest,
    ModelNotFound,
    PayloadTooLarge,
    RateLimited,
    RequestTimeout,
    ServiceUnavailable,
    Unauthorized,
    UnsupportedMediaType,
)
from manifests.operation import Auth, ErrorType, Operation

WHEN = {
    "invalid_request": "A parameter is missing, wrong or not supported; param names it.",
    "quote_invalid": "The quote that the call names is not this server's, or is for something else.",
    "quote_expired": "The quote that the call names has expired.",
    "quote_exceeded": "The call may cost more than the quote that it names.",
    "context_length_exceeded": "Input and asked output do not fit the model's context.",
    "not_in_vocabulary": "The image engine can't draw something that the prompt names.",
    "unauthorized": "API key is invalid or missing",
    "sign_in_invalid": "The wallet's sign-in is of another wallet, place or time, or was used before.",
    "payment_required": "Insufficient balance or budget exceeded, or no payment was sent.",
    "payment_invalid": "The payment does not verify, or does not match what was asked for.",
    "permit2_allowance_required": "Permit2 may not take the paying wallet's tokens yet.",
    "forbidden": (
        "The key's scopes, lane or region, or the request's host or origin, do not allow it; or the "
        "paying wallet owes for a call."
    ),
    "not_found": "There is nothing by that id or path, or it is not the caller's.",
    "model_not_found": "No model has that id.",
    "method_not_allowed": "The path exists, the method does not.",
    "request_timeout": "The request did not arrive in time.",
    "payment_reused": "That payment was used for another request, or its request still runs.",
    "idempotency_conflict": "A request with that key still runs.",
    "responses_streaming_disabled": "Responses streaming is not enabled for this API key.",
    "not_ready": "What was asked for is not finished yet.",
    "payload_too_large": "The body is larger than the server takes.",
    "unsupported_media_type": "The body has a media type that this route does not take.",
    "range_not_satisfiable": "The asked byte range lies outside of the content.",
    "idempotency_mismatch": "That idempotency key was used with another body.",
    "rate_limited": "More calls than the key's limit allows, or than one account may queue.",
    "cancelled": "The caller went away before the answer was whole.",
    "internal_error": "The server failed to handle this request.",
    "engine_error": "The engine failed while it worked on this call.",
    "service_unavailable": "The server can't take calls right now.",
    "engine_overloaded": "The engine's queue is full.",
    "engine_not_configured": "This server has no engine for that capability.",
    "charge_unconfirmed": "The call ended, but its charge was not settled and written in time.",
    "rail_not_configured": "That payment rail is not set up on this server.",
    "deadline_exceeded": "The call took longer than its time limit.",
}

_BODY = (InvalidRequest, RequestTimeout, PayloadTooLarge, UnsupportedMediaType)
_KEY = (Unauthorized,)
_PAID = (
    Unauthorized,
    InsufficientFunds,
    Forbidden,
    Conflict,
    IdempotencyMismatch,
    RateLimited,
    ModelNotFound,
    EngineError,
    ServiceUnavailable,
    EngineOverloaded,
    EngineNotConfigured,
    ChargeUnconfirmed,
    DeadlineExceeded,
)
_BY_AUTH: dict[Auth, tuple[ErrorType, ...]] = {Auth.PUBLIC: (), Auth.KEY: _KEY, Auth.PAID: _PAID}


def errors_of(operation: Operation) -> list[ErrorType]:
    """Every documented error of an operation, by status, without repeats."""
    found: dict[ErrorType, None] = dict.fromkeys(operation.errors)
    found |= dict.fromkeys(_BODY if operation.takes_body else ())
    found |= dict.fromkeys(_BY_AUTH[operation.auth])
    found[InternalError] = None
    return sorted(found, key=lambda error: error.status)


def all_errors(operations: Sequence[Operation]) -> list[ErrorType]:
    """The errors of all operations, one a code, by status."""
    by_code: dict[str, ErrorType] = {}
    for operation in operations:
        for error in errors_of(operation):
            by_code.setdefault(error.code, error)
    return sorted(by_code.values(), key=lambda error: (error.status, error.code))


def example_of(error: ErrorType) -> dict[str, object]:
    """The body of an error, with its documented sentence as the message."""
    return {
        "error": {
            "code": error.code,
            "message": WHEN[error.code],
            "type": error.type,
            "param": None,
            "resolution": error.resolution,
        }
    }

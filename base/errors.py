"""The root of every error that a caller may see, rendered once at the door.

Each error knows its public code, HTTP status, OpenAI-style type, a sentence about what is wrong and a
sentence about what to do next. Packages add their own subclasses beside the code that raises them.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

_JOB_S = 30


class BatchinError(Exception):
    """An error with a documented code.

    ``retryable`` says whether the very same request may succeed later; when it is false the HTTP
    doors send ``x-should-retry: false``, which the official SDKs obey. ``headers`` are extra response
    headers; ``data`` is extra machine-readable detail for structured doors (MCP).
    """

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    type: ClassVar[str] = "server_error"
    retryable: ClassVar[bool] = False
    resolution: str = "Retry later; if it persists, report the X-Request-Id."

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        resolution: str | None = None,
        retry_after_s: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.retry_after_s = retry_after_s
        self.headers: Mapping[str, str] = headers or {}
        if resolution is not None:
            self.resolution = resolution

    def body(self) -> dict[str, Any]:
        """The documented JSON body: OpenAI's members plus ``resolution``."""
        return {
            "error": {
                "code": self.code,
                "message": self.message,
                "type": self.type,
                "param": self.param,
                "resolution": self.resolution,
            }
        }


class InternalError(BatchinError):
    """A fault of ours; the message never carries its cause."""


class InvalidRequest(BatchinError):
    code = "invalid_request"
    status = 400
    type = "invalid_request_error"
    resolution = "Correct the named parameter and send the request again."


class ContextLengthExceeded(InvalidRequest):
    code = "context_length_exceeded"
    resolution = "Shorten the input or lower max_tokens."


class QuoteInvalid(InvalidRequest):
    """The quote that a call names is not one of this server, or is for something else."""

    code = "quote_invalid"
    resolution = "Nothing was charged. Ask POST /v1/quote for this model, or leave the quote out."


class QuoteExpired(QuoteInvalid):
    code = "quote_expired"
    resolution = "Nothing was charged. Ask POST /v1/quote again, or leave the quote out."


class QuoteExceeded(QuoteInvalid):
    """The call may cost more than was quoted."""

    code = "quote_exceeded"
    resolution = (
        "Nothing was charged. Ask for less (max_tokens), or for a quote of the size that is named here."
    )


class NotInVocabulary(InvalidRequest):
    """The engine composes pictures of what it knows, and the prompt names something else."""

    code = "not_in_vocabulary"
    resolution = "Nothing was charged. Name other things, for example the nearest ones."


class Unauthorized(BatchinError):
    """One sentence for unknown, revoked and expired keys: a guess must learn nothing."""

    code = "unauthorized"
    status = 401
    type = "authentication_error"
    resolution = "Verify Authorization: Bearer <API_KEY>."

    def __init__(self, message: str = "API key is invalid or missing") -> None:
        super().__init__(message, headers={"WWW-Authenticate": "Bearer"})


class SignInRefused(Unauthorized):
    """The proof does not show that the wallet asks, now and here."""

    code = "sign_in_invalid"
    resolution = "GET /v1/sign-in, sign its challenge with the wallet and POST it within 5 minutes."


class InsufficientFunds(BatchinError):
    """The account's balance or the key's budget does not cover the quote."""

    code = "payment_required"
    status = 402
    type = "insufficient_quota"
    resolution = "Top up balance or increase monthly budget."


class Forbidden(BatchinError):
    code = "forbidden"
    status = 403
    type = "permission_error"
    resolution = "Use a key whose scopes allow this call."


class NotFound(BatchinError):
    code = "not_found"
    status = 404
    type = "invalid_request_error"
    resolution = "Verify the id or path and retry."


class ModelNotFound(NotFound):
    code = "model_not_found"
    resolution = "List the models with GET /v1/models and use one of their ids."


class MethodNotAllowed(BatchinError):
    code = "method_not_allowed"
    status = 405
    type = "invalid_request_error"
    resolution = "Use a method that the Allow header names."


class RequestTimeout(BatchinError):
    code = "request_timeout"
    status = 408
    type = "invalid_request_error"
    retryable = True
    resolution = "Send the whole request without pauses."


class Conflict(BatchinError):
    code = "idempotency_conflict"
    status = 409
    type = "invalid_request_error"
    resolution = "Wait for the first request to end."


class NotReady(Conflict):
    """What was asked for does not exist yet, or never will; the message says which."""

    code = "not_ready"
    resolution = "Ask again when it is there."


class ResponsesStreamingDisabled(BatchinError):
    """The key's switch of streamed responses is off."""

    code = "responses_streaming_disabled"
    status = 409
    type = "invalid_request_error"
    resolution = "Disable stream or contact support to enable streaming access."

    def __init__(self) -> None:
        super().__init__("Responses streaming is not enabled for this API key", param="stream")


class IdempotencyMismatch(BatchinError):
    code = "idempotency_mismatch"
    status = 422
    type = "invalid_request_error"
    resolution = "Use a new Idempotency-Key for a new request."


class PayloadTooLarge(BatchinError):
    code = "payload_too_large"
    status = 413
    type = "invalid_request_error"
    resolution = "Send a smaller body."


class UnsupportedMediaType(BatchinError):
    code = "unsupported_media_type"
    status = 415
    type = "invalid_request_error"
    resolution = "Send Content-Type: application/json."


class RangeNotSatisfiable(BatchinError):
    code = "range_not_satisfiable"
    status = 416
    type = "invalid_request_error"
    resolution = "Ask for a range within the size that Content-Range names."


class RateLimited(BatchinError):
    code = "rate_limited"
    status = 429
    type = "rate_limit_error"
    retryable = True
    resolution = "Wait for the time that Retry-After names."


class TooManyOpen(RateLimited):
    """An account has as many jobs that have not ended as it may."""

    resolution = "Wait until one has ended, or cancel one."

    def __init__(self, most: int) -> None:
        super().__init__(
            f"This account has {most} batches, videos and responses in the background that have not "
            "ended, as many as it may.",
            retry_after_s=_JOB_S,
        )


class Cancelled(BatchinError):
    code = "cancelled"
    status = 499
    type = "invalid_request_error"
    resolution = "The caller went away; send the request again if the answer is still wanted."


class EngineError(BatchinError):
    """The engine failed; the caller is not charged."""

    code = "engine_error"
    status = 502
    retryable = True
    resolution = "Nothing was charged. Retry; GET /health tells whether the engine is back."


class ServiceUnavailable(BatchinError):
    code = "service_unavailable"
    status = 503
    retryable = True
    resolution = "Check status page and retry later."


class EngineOverloaded(ServiceUnavailable):
    code = "engine_overloaded"
    resolution = "Nothing was charged. Wait for the time that Retry-After names."


class EngineNotConfigured(ServiceUnavailable):
    code = "engine_not_configured"
    retryable = False
    resolution = "This server has no engine for that capability; see available in GET /v1/models."


class ChargeUnconfirmed(ServiceUnavailable):
    """The run ended and its charge was not durable in time: it is made later, whole, or never. Nothing
    is delivered before it is known."""

    code = "charge_unconfirmed"
    retryable = False
    resolution = (
        "Send the request again with the same Idempotency-Key or payment: it is charged once, and then "
        "answered. Without either, see whether GET /v1/usage/logs has the run before you ask again."
    )

    def __init__(self) -> None:
        super().__init__("The charge of this call was not written in time; it may still be.")


class RailNotConfigured(ServiceUnavailable):
    code = "rail_not_configured"
    retryable = False
    resolution = "Use another payment rail; this one is not set up on this server."


class DeadlineExceeded(BatchinError):
    code = "deadline_exceeded"
    status = 504
    type = "server_error"
    resolution = "Ask for less output or a longer timeout; what was not delivered was not charged."

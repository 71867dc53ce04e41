"""What a request says in ``_meta``: payment, progress token, trace, extensions."""

from collections.abc import Mapping
from typing import Any

import orjson

from base.errors import InvalidRequest
from base.trace import Trace, trace_from
from manifests.identity import PAYMENT_EXTENSION, TASKS_EXTENSION
from server.mcp.results import PAYMENT
from settlement.promises import META as PROMISE

_CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"


def meta_of(params: Mapping[str, Any] | None) -> Mapping[str, Any]:
    meta = (params or {}).get("_meta")
    return meta if isinstance(meta, Mapping) else {}


def payment_of(meta: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The x402 PaymentPayload; some clients send it as JSON text.

    Raises InvalidRequest for anything else than an object.
    """
    payment = meta.get(PAYMENT)
    if isinstance(payment, str):
        try:
            payment = orjson.loads(payment)
        except orjson.JSONDecodeError:
            payment = False
    if payment is None or isinstance(payment, Mapping):
        return payment
    raise InvalidRequest(
        f"_meta.{PAYMENT} should be an x402 PaymentPayload object.",
        param=f"_meta.{PAYMENT}",
        resolution="Sign one entry of the challenge's accepts with an x402 client and send its payload.",
    )


def pays_upfront(payment: Mapping[str, Any]) -> bool:
    """Whether the payer agreed to settle before the run."""
    accepted = payment.get("accepted")
    extra = accepted.get("extra") if isinstance(accepted, Mapping) else None
    return isinstance(extra, Mapping) and extra.get("paymentFlow") == "upfront"


def promise_of(meta: Mapping[str, Any]) -> str | None:
    """The signed quote that the call names."""
    value = meta.get(PROMISE)
    return value if isinstance(value, str) else None


def trace_of(meta: Mapping[str, Any]) -> Trace | None:
    """W3C trace context as MCP carries it (SEP-414); None where the message names no trace."""
    parent, state = meta.get("traceparent"), meta.get("tracestate")
    if not isinstance(parent, str):
        return None
    return trace_from(parent, state if isinstance(state, str) else None)


def takes_payment_results(meta: Mapping[str, Any]) -> bool:
    """Whether the client advertised the x402 extension (which 2026-07-28 clients alone can do)."""
    return _advertised(meta, PAYMENT_EXTENSION)


def takes_tasks(meta: Mapping[str, Any]) -> bool:
    """Whether the client advertised the Tasks extension with this request."""
    return _advertised(meta, TASKS_EXTENSION)


def _advertised(meta: Mapping[str, Any], extension: str) -> bool:
    capabilities = meta.get(_CAPABILITIES)
    extensions = capabilities.get("extensions") if isinstance(capabilities, Mapping) else None
    return isinstance(extensions, Mapping) and extension in extensions

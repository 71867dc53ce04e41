"""The documented response headers of a call."""

import base64

import orjson

from base.errors import BatchinError
from base.ids import record_id_of
from server.web.respond import HeaderList
from settlement.rail import Served, Settled, Upfront
from settlement.x402.errors import PaymentReused
from tools.core import Call
from tools.immediate import NOWHERE


def request_headers(call: Call) -> HeaderList:
    """What is known before the call runs, errors included."""
    headers = [
        (b"x-request-id", call.request_id.encode()),
        (b"traceparent", call.trace.traceparent().encode()),
        (b"x-batchin-run-id", call.run_id.encode()),
        (b"x-batchin-prompt-version", call.prompt_version.encode()),
    ]
    if call.trace.state:
        headers.append((b"tracestate", call.trace.state.encode()))
    if call.quota is not None:
        headers += [(name.encode(), value.encode()) for name, value in call.quota.headers()]
    return headers


def stream_headers(call: Call, served: Served, public_key: str, upfront: Upfront | None) -> HeaderList:
    """What a stream's head can tell: its signature rides on the finish chunk (it covers the output). The
    model that serves is not known while its first event is late."""
    headers = request_headers(call)
    if served is not NOWHERE:
        headers.append((b"x-batchin-served-model", served.model.encode("latin-1", "replace")))
    headers += [
        (b"x-vaas-record-id", record_id_of(call.run_id).encode()),
        (b"x-vaas-publickey", public_key.encode()),
    ]
    if upfront is not None:
        headers += payment_headers(upfront)
    return headers


def whole_headers(call: Call, served: Served, settled: Settled) -> HeaderList:
    """Everything, for an answer that leaves after its capture is durable."""
    evidence = settled.evidence
    headers = request_headers(call)
    headers += [
        (b"x-batchin-served-model", served.model.encode("latin-1", "replace")),
        (b"x-vaas-record-id", str(evidence["record_id"]).encode()),
        (b"x-vaas-signature", str(evidence["signature"]).encode()),
        (b"x-vaas-publickey", str(evidence["public_key"]).encode()),
    ]
    if settled.salt:
        headers.append((b"x-vaas-salt", settled.salt.encode()))
    if settled.settlement is not None:
        headers += payment_headers(Upfront(settled.settlement, settled.access_token))
    return headers


def failure_headers(call: Call, error: BatchinError, upfront: Upfront | None = None) -> HeaderList:
    """An error's. An SDK must not send a paid request again by itself: that would pay twice. Money that
    moved before the failure is told: it is the wallet's credit."""
    headers = request_headers(call)
    known = error.upfront if isinstance(error, PaymentReused) else None
    if moved := upfront or known:
        return headers + payment_headers(moved)
    return headers if call.payment is None else [*headers, (b"x-should-retry", b"false")]


def payment_headers(upfront: Upfront) -> HeaderList:
    """The settlement (x402 v2 transport, and v1's name for old clients) and the token of what was
    bought."""
    response = base64.b64encode(orjson.dumps(upfront.settlement))
    headers: HeaderList = [
        (b"payment-response", response),
        (b"x-payment-response", response),
        (b"cache-control", b"private"),
        (b"x-should-retry", b"false"),
    ]
    if upfront.access_token is not None:
        headers.append((b"x-batchin-access-token", upfront.access_token.encode()))
    return headers

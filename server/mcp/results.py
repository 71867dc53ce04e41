"""Render tool outcomes as MCP results: plain dictionaries in wire form.

The keys under ``_meta`` are public: agents.md describes them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from base.errors import BatchinError
from base.money import usd_text
from settlement.rail import Settled, Upfront
from tools.core import AnyTool, Call, Followed
from tools.invoke import Done

PAYMENT = "x402/payment"
PAYMENT_RESPONSE = "x402/payment-response"
RUN_ID = "batchin/run_id"
REQUEST_ID = "batchin/request_id"
TRACEPARENT = "traceparent"
TRACESTATE = "tracestate"
SERVED_MODEL = "batchin/served_model"
CHARGE = "batchin/charge"
EVIDENCE = "batchin/evidence"
RECEIPT = "batchin/receipt"
SALT = "batchin/salt"
ACCESS_TOKEN = "batchin/access_token"
RETRY_AFTER = "batchin/retry_after_s"

Result = dict[str, Any]
Content = Sequence[Mapping[str, Any]]


def completed(done: Done) -> Result:
    """The output, with its evidence, receipt and settlement."""
    meta: Result = _identity(done.call)
    if done.settled is not None:
        meta[SERVED_MODEL] = done.served.model
        meta |= _settled(done.settled)
    content = done.tool.content(done.output) if done.tool.content else _text(done.body.decode())
    return _result(done.output, content, meta, failed=False)


def recovered(tool: AnyTool, call: Call, output: Mapping[str, Any], bundle: Mapping[str, Any]) -> Result:
    """A result whose run was charged by a process that is gone: its output, and its proof as stored."""
    meta = _identity(call) | {EVIDENCE: bundle["evidence"], RECEIPT: bundle["receipt"]}
    content = tool.content(output) if tool.content else _text(orjson.dumps(output).decode())
    return _result(output, content, meta, failed=False)


def followed(result: Result, tool: AnyTool, now: Followed) -> Result:
    """The result of a call whose job has gone on: its output as it is now, its proof as before."""
    content = tool.content(now.output) if tool.content else _text(orjson.dumps(now.output).decode())
    return _result(now.output, content, result["_meta"], failed=now.failed)


def failed(error: BatchinError, call: Call | None, upfront: Upfront | None = None) -> Result:
    """A documented error. Money that moved before the run failed is told with its settlement."""
    body = error.body()
    meta = _identity(call) if call else {}
    if error.retry_after_s is not None:
        meta[RETRY_AFTER] = error.retry_after_s
    if upfront is not None:
        meta |= _payment(upfront.settlement, upfront.access_token)
    return _result(body, _text(orjson.dumps(body).decode()), meta, failed=True)


def challenged(challenge: Mapping[str, Any], call: Call) -> Result:
    """An x402 challenge in the tool-result binding (x402 transports-v2/mcp): both fields the same."""
    text = orjson.dumps(challenge).decode()
    return _result(challenge, _text(text), _identity(call), failed=True)


def challenged_by_extension(challenge: Mapping[str, Any], call: Call) -> Result:
    """An x402 challenge for a client that advertised ``org.x402/payment``."""
    return {
        "resultType": "payment_required",
        "paymentRequired": dict(challenge),
        "_meta": _identity(call),
    }


def _result(structured: Mapping[str, Any], content: Content, meta: Result, *, failed: bool) -> Result:
    return {
        "resultType": "complete",
        "content": list(content),
        "structuredContent": structured,
        "isError": failed,
        "_meta": meta,
    }


def _text(text: str) -> Content:
    return ({"type": "text", "text": text},)


def _identity(call: Call) -> Result:
    told: Result = {
        RUN_ID: call.run_id,
        REQUEST_ID: call.request_id,
        TRACEPARENT: call.trace.traceparent(),
    }
    return {**told, TRACESTATE: call.trace.state} if call.trace.state else told


def _settled(settled: Settled) -> Result:
    meta: Result = {
        CHARGE: {
            "charged_nano_usd": settled.charged_nano_usd,
            "charged_usd": usd_text(settled.charged_nano_usd),
            "credit_nano_usd": settled.credit_nano_usd,
            "credit_usd": usd_text(settled.credit_nano_usd),
        },
        EVIDENCE: settled.evidence,
        RECEIPT: settled.receipt,
    }
    if settled.salt:
        meta[SALT] = settled.salt
    return meta | _payment(settled.settlement, settled.access_token)


def _payment(settlement: Mapping[str, Any] | None, access_token: str | None) -> Result:
    meta: Result = {}
    if settlement is not None:
        meta[PAYMENT_RESPONSE] = settlement
    if access_token is not None:
        meta[ACCESS_TOKEN] = access_token
    return meta

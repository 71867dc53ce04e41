"""A call in bytes, so that another process can take it up."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import orjson

from base.allowance import Allowance
from base.caller import Caller, CallerKind
from base.resource import Resource
from base.trace import Trace
from settlement.rail import Delivery
from tools.core import Call


def stored(call: Call, arguments: Mapping[str, Any]) -> bytes:
    """The call and its arguments; to be sealed, for it holds a caller's texts and its payment."""
    caller = asdict(call.caller) | {"scopes": sorted(call.caller.scopes)}
    return orjson.dumps(
        {
            "run_id": call.run_id,
            "request_id": call.request_id,
            "caller": caller,
            "trace": asdict(call.trace),
            "resource": asdict(call.resource),
            "payment": call.payment,
            "prompt_version": call.prompt_version,
            "idempotency_key": call.idempotency_key,
            "promise": call.promise,
            "arguments": arguments,
        }
    )


def restored(content: bytes, deadline_s: float) -> tuple[Call, Mapping[str, Any]]:
    """The call as it was, under the same run id, and its arguments."""
    data = orjson.loads(content)
    caller = data["caller"]
    allowance = caller.get("allowance")  # calls stored by earlier versions have none
    call = Call(
        run_id=data["run_id"],
        request_id=data["request_id"],
        caller=Caller(
            **caller
            | {
                "kind": CallerKind(caller["kind"]),
                "scopes": frozenset(caller["scopes"]),
                "allowance": None if allowance is None else Allowance(**allowance),
            }
        ),
        trace=Trace(**data["trace"]),
        resource=Resource(**data["resource"]),
        delivery=Delivery.WHOLE,
        deadline_s=deadline_s,
        payment=data["payment"],
        prompt_version=data["prompt_version"],
        idempotency_key=data.get("idempotency_key"),
        promise=data.get("promise"),
    )
    return call, data["arguments"]

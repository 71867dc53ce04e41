"""A call that another process takes up is the same: its caller, its payment, its idempotency key."""

from dataclasses import replace

from base.allowance import Allowance
from base.caller import Caller, CallerKind
from base.resource import Resource
from base.trace import trace_from
from settlement.rail import Delivery
from tools.core import Call
from tools.tasks.stored import restored, stored

CALLER = Caller(
    CallerKind.ACCOUNT,
    "account",
    "key",
    workspace="lab",
    scopes=frozenset({"tool:chat"}),
    allowance=Allowance(rpm=5),
    streams_responses=False,
)
CALL = Call(
    run_id="run_" + "1" * 32,
    request_id="req_1",
    caller=CALLER,
    trace=trace_from(None),
    resource=Resource("mcp://tool/chat", "chat"),
    delivery=Delivery.WHOLE,
    deadline_s=5.0,
    payment={"x402Version": 2},
    prompt_version="support@v2",
    idempotency_key="once",
)


def test_a_stored_call_comes_back_as_it_was() -> None:
    assert restored(stored(CALL, {"a": 1}), 9.0) == (replace(CALL, deadline_s=9.0), {"a": 1})


def test_a_call_without_an_allowance_or_a_key_does_too() -> None:
    call = replace(CALL, caller=Caller(CallerKind.ANONYMOUS), payment=None, idempotency_key=None)
    assert restored(stored(call, {}), 5.0) == (call, {})

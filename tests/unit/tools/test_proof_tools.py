"""The tools verify and receipt, as agents call them."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from base.caller import ANONYMOUS
from base.clock import SystemClock
from base.errors import BatchinError, InvalidRequest, NotFound
from base.ids import new_run_id
from base.resource import Resource
from base.trace import trace_from
from settlement.evidence.integrator import Integrator
from settlement.evidence.log import Log
from settlement.evidence.ops import evidence_op
from settlement.evidence.reader import EvidenceReader
from settlement.evidence.tables import TABLES
from settlement.rail import Delivery
from settlement.rails import Rails
from tests.stores import fresh_store
from tests.unit.settlement.evidence.case import (
    LOG,
    LOG_KEY,
    REQUEST,
    RESPONSE,
    START_MS,
    open_desk,
)
from tools.core import Call, Registry
from tools.invoke import Invoker
from tools.observe import Observers
from tools.owner import Owner
from tools.receipt import ReceiptOutput, Receipts
from tools.verify import Verifier, VerifyOutput


async def _hopeful() -> bool:
    return True


class NoBalance:
    async def authorize(self, order: object) -> Any:
        raise AssertionError("a free tool is never paid")


class House:
    """The tools over one stored record."""

    def __init__(self, reader: EvidenceReader, record_id: str) -> None:
        tools = Registry([Verifier(reader).tool(), Receipts(reader).tool()])
        rails = Rails(NoBalance(), None, _hopeful)
        self.record_id = record_id
        self._invoker = Invoker(tools, rails, SystemClock(), Observers(), Owner())

    async def call(self, name: str, **arguments: Any) -> Mapping[str, Any]:
        call = Call(
            run_id=new_run_id(),
            request_id="req_1",
            caller=ANONYMOUS,
            trace=trace_from(None),
            resource=Resource("mcp://tool/" + name, name),
            delivery=Delivery.WHOLE,
            deadline_s=SystemClock().monotonic_s() + 60,
        )
        return (await self._invoker.invoke(name, arguments, call)).output


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    desk = open_desk(tmp_path / "keys")
    evidence, receipt = desk.signed()
    async with fresh_store(tmp_path, TABLES) as store:
        await store.commit(evidence_op(evidence, receipt, START_MS))
        await Integrator(store, LOG, LOG_KEY.name, desk.clock).integrate()
        reader = EvidenceReader(store, desk.keys, Log(store, LOG_KEY))
        yield House(reader, evidence.wire["record_id"])


async def test_a_call_of_this_server_is_checked_by_its_id(house: House) -> None:
    output = await house.call("verify", id=house.record_id, request=REQUEST, response=RESPONSE)
    shown = VerifyOutput.model_validate(output)
    assert (shown.valid, shown.outcome, shown.record_id) == (True, "pass", house.record_id)
    assert all(check.valid for check in shown.checks)
    other = await house.call("verify", id=house.record_id, response={"choices": []})
    assert (other["valid"], other["outcome"]) == (False, "fail")


async def test_the_receipt_passes_verification_as_it_comes(house: House) -> None:
    for name in ("receipt", "vaas_get_receipt"):
        bundle = await house.call(name, id=house.record_id)
        ReceiptOutput.model_validate(bundle)
        output = await house.call("vaas_verify_receipt", bundle=bundle)
        assert output["outcome"] == "pass"
        changed = {**bundle, "receipt": {**bundle["receipt"], "record_id": "vaas_other"}}
        output = await house.call("verify", bundle=changed)
        assert {check["name"] for check in output["checks"] if check["valid"] is False} == {
            "receipt.members",
            "linkage.record_id",
        }


async def test_a_broken_bundle_is_a_verdict_and_not_an_error(house: House) -> None:
    output = await house.call("verify", bundle={"evidence": 7})
    VerifyOutput.model_validate(output)
    assert (output["valid"], output["checks"][0]["name"]) == (False, "schema")


@pytest.mark.parametrize(
    ("name", "arguments", "error"),
    [
        ("verify", {}, InvalidRequest),
        ("verify", {"id": "x", "bundle": {}}, InvalidRequest),
        ("verify", {"bundle": []}, InvalidRequest),
        ("verify", {"id": "vaas_" + "0" * 32}, NotFound),
        ("receipt", {"id": "nothing"}, NotFound),
        ("receipt", {}, InvalidRequest),
    ],
)
async def test_what_can_not_be_checked_is_refused(
    house: House, name: str, arguments: dict[str, Any], error: type[BatchinError]
) -> None:
    with pytest.raises(error):
        await house.call(name, **arguments)

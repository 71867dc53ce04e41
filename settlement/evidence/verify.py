"""Verification of bundles: one code path for the command line, the doors, the tools and the tests.

A receipt is the seller's signed statement, not a proof of delivery: what can be checked offline is that
the statement is whole, that a trusted key made it in its time, that its figures add up and that it
stands in the log.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from settlement.evidence.bodies import UnreadableBody, named_request_hash, response_hash
from settlement.evidence.bundle import (
    BundleShape,
    EvidencePayloadShape,
    UnreadableBundle,
    shape_of,
    whole,
)
from settlement.evidence.check_log import check_log
from settlement.evidence.check_money import check_money
from settlement.evidence.check_signed import check_evidence, check_linkage, check_receipt
from settlement.evidence.salting import SALTED, Part, salted
from settlement.evidence.trust import NOBODY, Trust
from settlement.evidence.verdict import Findings, Verdict


@dataclass(frozen=True, slots=True)
class Bodies:
    """The request as it was sent and the response as it was received; None where not at hand. ``salt``
    is that of the record's hashes, b"" where they are plain or it is not at hand."""

    request: Any = None
    response: Any = None
    salt: bytes = b""


NO_BODIES = Bodies()
_NO_SALT: Final = "The record's hashes are salted, and no salt was given."


def verify_bundle(bundle: Any, trust: Trust = NOBODY, bodies: Bodies = NO_BODIES) -> Verdict:
    """Check a bundle ``{receipt, evidence, inclusion}``, or a bare evidence pack. Never raises for what
    the bundle or the bodies hold; keys that a bundle brings along are not believed."""
    findings = Findings()
    try:
        shape = shape_of(bundle)
    except UnreadableBundle as error:
        findings.add("schema", str(error))
        return findings.verdict("")
    findings.add("schema")
    data = whole(bundle)
    told = shape.inclusion is not None and bool(trust.log_keys)  # else nobody vouches for the place
    place = shape.inclusion.leaf_index if told and shape.inclusion is not None else None
    check_evidence(findings, data["evidence"], shape.evidence, trust, place)
    _check_receipt(findings, data, shape)
    check_money(findings, shape)
    _check_bodies(findings, shape.evidence.payload, bodies)
    check_log(findings, shape, trust)
    return findings.verdict(shape.evidence.record_id)


def _check_receipt(findings: Findings, data: Mapping[str, Any], shape: BundleShape) -> None:
    if shape.receipt is None:
        findings.skip("receipt", "The bundle holds no receipt.")
        return
    check_receipt(findings, data["receipt"], shape.receipt)
    check_linkage(findings, data, shape.evidence, shape.receipt)


def _check_bodies(findings: Findings, payload: EvidencePayloadShape, bodies: Bodies) -> None:
    if bodies.request is None:
        findings.skip("request_hash", "No request body was given.", needed=False)
    elif payload.hashes == SALTED and not bodies.salt:
        findings.skip("request_hash", _NO_SALT)
    else:
        findings.add("request_hash", _request_problem(payload, bodies.request, bodies.salt))
    if bodies.response is None:
        findings.skip("response_hash", "No response body was given.", needed=False)
    elif payload.hashes == SALTED and not bodies.salt:
        findings.skip("response_hash", _NO_SALT)
    else:
        _check_response(findings, payload, bodies.response, bodies.salt)


def _request_problem(payload: EvidencePayloadShape, body: Any, salt: bytes) -> str:
    if not isinstance(body, dict):
        return "The request is not a JSON object."
    try:
        computed = named_request_hash(payload.tool, body)
    except UnreadableBody as error:
        return str(error)
    if payload.hashes == SALTED:
        computed = salted(Part.INPUT, computed, salt)
    return "" if computed == payload.input_hash else "The request is not the one that the record names."


def _check_response(findings: Findings, payload: EvidencePayloadShape, body: Any, salt: bytes) -> None:
    try:
        computed = response_hash(payload.tool, body)
    except UnreadableBody as error:
        findings.add("response_hash", str(error))
        return
    if computed is None:
        findings.unbindable("response_hash", f"Answers of {payload.tool!r} have no hash rule.")
        return
    if payload.hashes == SALTED:
        computed = salted(Part.OUTPUT, computed, salt)
    problem = "The response is not the one that the record names."
    findings.equal("response_hash", computed, payload.output_hash, problem)

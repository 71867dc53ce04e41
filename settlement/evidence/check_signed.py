"""Checks of what is signed: canonical form, hashes, signatures, keys, and how the two parts link."""

from collections.abc import Mapping
from typing import Any, Final

from base.canonical import SAFE_INTEGER, NotCanonical, canonical
from base.ids import audit_id_of, record_id_of, run_id_from
from base.signing import key_id_of, signature_holds
from settlement.evidence.bundle import EvidenceShape, ReceiptShape
from settlement.evidence.hashes import sha256_of
from settlement.evidence.receipt import COPIED, RECEIPT_TYPE
from settlement.evidence.record import EVIDENCE_TYPE, SHOWN
from settlement.evidence.spelling import VERIFICATION_METHOD, public_key_from, signature_from
from settlement.evidence.trust import Trust
from settlement.evidence.verdict import KEY_TRUSTED, Findings

_IDS: Final = ("record_id", "run_id", "audit_id")


def check_evidence(
    findings: Findings,
    wire: Mapping[str, Any],
    shape: EvidenceShape,
    trust: Trust,
    leaf_index: int | None = None,
) -> None:
    """``leaf_index`` is the record's place in the log, where the bundle tells it."""
    signed = _canonical(findings, "evidence.canonical", wire["payload"])
    if signed is not None:
        findings.equal(
            "evidence.payload_hash",
            sha256_of(signed),
            shape.payload_hash,
            "payload_hash is not the hash of the payload.",
        )
        _signature(findings, "evidence.signature", shape.public_key, signed, shape.signature)
    findings.add("evidence.members", _member_problem(wire, shape))
    findings.add("evidence.key_id", _key_problem(shape.public_key, shape.key_id))
    _trusted(findings, shape, trust, leaf_index)


def check_receipt(findings: Findings, wire: Mapping[str, Any], shape: ReceiptShape) -> None:
    signed = _canonical(findings, "receipt.canonical", wire["receipt_payload"])
    if signed is not None:
        findings.equal(
            "receipt.receipt_hash",
            sha256_of(signed),
            shape.receipt_hash,
            "receipt_hash is not the hash of the receipt_payload.",
        )
        _signature(
            findings, "receipt.receipt_signature", shape.public_key, signed, shape.receipt_signature
        )
    findings.add("receipt.members", _receipt_member_problem(wire, shape))
    findings.add("receipt.key_id", _key_problem(shape.public_key, shape.key_id))


def check_linkage(
    findings: Findings, data: Mapping[str, Any], evidence: EvidenceShape, receipt: ReceiptShape
) -> None:
    """The equalities of the bundle format, and the members that the receipt repeats word for word."""
    pairs = {
        "record_id": (receipt.record_id, evidence.record_id),
        "record_signature": (receipt.record_signature, evidence.signature),
        "public_key": (receipt.public_key, evidence.public_key),
        "request_hash": (receipt.request_hash, evidence.payload.input_hash),
        "response_hash": (receipt.response_hash, evidence.payload.output_hash),
    }
    for name, (told, recorded) in pairs.items():
        problem = f"The receipt's {name} is not that of the evidence."
        findings.equal("linkage." + name, told, recorded, problem)
    payload, record = data["receipt"]["receipt_payload"], data["evidence"]["payload"]
    findings.equal(
        "linkage.evidence_hash",
        receipt.receipt_payload.evidence_hash,
        evidence.payload_hash,
        "The receipt was made for another record.",
    )
    differing = next((name for name in COPIED if payload.get(name) != record.get(name)), None)
    findings.add(
        "linkage.payload",
        "" if differing is None else f"The receipt's {differing} is not that of the evidence.",
    )


def _canonical(findings: Findings, name: str, payload: Mapping[str, Any]) -> bytes | None:
    problem = _plain_problem(payload, "payload")
    if not problem:
        try:
            signed = canonical(payload)
        except NotCanonical as error:
            problem = error.message
        else:
            findings.add(name)
            return signed
    findings.add(name, problem)
    return None


def _plain_problem(value: Any, place: str) -> str:
    """What of a payload any JSON library would not write alike: floats, big integers, foreign keys."""
    if isinstance(value, float):
        return f"{place} is a float."
    if type(value) is int and abs(value) > SAFE_INTEGER:
        return f"{place} is an integer of 2^53 or above that is no string."
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not (isinstance(key, str) and key.isascii()):
                return f"{place} has a key beyond ASCII."
            if problem := _plain_problem(item, f"{place}.{key[:64]}"):
                return problem
    elif isinstance(value, list):
        for at, item in enumerate(value):
            if problem := _plain_problem(item, f"{place}[{at}]"):
                return problem
    return ""


def _signature(findings: Findings, name: str, key: str, signed: bytes, signature: str) -> None:
    key_bytes, signature_bytes = public_key_from(key), signature_from(signature)
    holds = (
        key_bytes is not None
        and signature_bytes is not None
        and signature_holds(key_bytes, signed, signature_bytes)
    )
    findings.add(name, "" if holds else "The key did not sign these bytes.")


def _key_problem(public_key: str, key_id: str) -> str:
    key = public_key_from(public_key)
    return "" if key is not None and key_id_of(key) == key_id else "key_id does not name public_key."


def _member_problem(wire: Mapping[str, Any], shape: EvidenceShape) -> str:
    payload = wire["payload"]
    if shape.payload.type != EVIDENCE_TYPE:
        return f"payload.type should be {EVIDENCE_TYPE}."
    if shape.verification_method != VERIFICATION_METHOD:
        return f"verification_method should be {VERIFICATION_METHOD}."
    for name in (*_IDS, *SHOWN):
        if wire[name] != payload[name]:
            return f"{name} is not that of the payload."
    run_id = run_id_from(shape.run_id)
    if run_id != shape.run_id:
        return "run_id is malformed."
    if (record_id_of(run_id), audit_id_of(run_id)) != (shape.record_id, shape.audit_id):
        return "record_id and audit_id do not name the run."
    return ""


def _receipt_member_problem(wire: Mapping[str, Any], shape: ReceiptShape) -> str:
    payload = wire["receipt_payload"]
    if shape.receipt_payload.type != RECEIPT_TYPE:
        return f"receipt_payload.type should be {RECEIPT_TYPE}."
    if shape.verification_method != VERIFICATION_METHOD:
        return f"verification_method should be {VERIFICATION_METHOD}."
    for name in ("record_id", "run_id", "request_hash", "response_hash"):
        if wire[name] != payload[name]:
            return f"{name} is not that of the receipt_payload."
    return ""


def _trusted(findings: Findings, shape: EvidenceShape, trust: Trust, leaf_index: int | None) -> None:
    if not trust.keys:
        findings.skip(
            KEY_TRUSTED, "No key list or pinned key was given; a bundle's own key proves nothing."
        )
        return
    key = public_key_from(shape.public_key)
    known = trust.find(key) if key is not None else None
    if known is None:
        findings.add(KEY_TRUSTED, "The public key is none of the trusted ones.")
    elif not known.valid_at(shape.payload.issued_at_ms):
        findings.add(KEY_TRUSTED, "The key was not in use at issued_at_ms.")
    elif not known.held_before(leaf_index):
        findings.add(KEY_TRUSTED, "The key was revoked, and the log did not hold the record before.")
    else:
        findings.add(KEY_TRUSTED)

"""Verification: what is right passes, and whatever is changed is rejected and named."""

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from base.signing import SeedSigner
from settlement.evidence.bundle import UnreadableBundle, parse_bundle
from settlement.evidence.checkpoint import LogKey
from settlement.evidence.hashes import sha256_of
from settlement.evidence.signed import PaymentFacts
from settlement.evidence.trust import (
    Trust,
    TrustedKey,
    UnreadableKeys,
    trust_from_document,
    trust_from_pins,
)
from settlement.evidence.verdict import Outcome, Result
from settlement.evidence.verify import Bodies, verify_bundle
from settlement.rail import RunStatus
from tests.unit.settlement.evidence.case import (
    LOG_KEY,
    ON_CHAIN,
    REQUEST,
    RESPONSE,
    X402,
    Desk,
    failed,
    inclusion_of,
    open_desk,
    outcome,
    with_times,
)

BODIES = Bodies(REQUEST, RESPONSE)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return open_desk(tmp_path / "keys")


def resigned(bundle: Any, signer: SeedSigner) -> Any:
    """What a seller who signs with the same key could have written instead."""
    evidence, receipt = bundle["evidence"], bundle["receipt"]
    signed = orjson.dumps(evidence["payload"], option=orjson.OPT_SORT_KEYS)
    evidence["payload_hash"] = sha256_of(signed)
    evidence["signature"] = "ed25519:" + signer.sign(signed).hex()
    receipt["record_signature"] = evidence["signature"]
    receipt["receipt_payload"]["evidence_hash"] = evidence["payload_hash"]
    signed = orjson.dumps(receipt["receipt_payload"], option=orjson.OPT_SORT_KEYS)
    receipt["receipt_hash"] = sha256_of(signed)
    receipt["receipt_signature"] = "ed25519:" + signer.sign(signed).hex()
    return bundle


def test_a_whole_bundle_passes_every_check(desk: Desk) -> None:
    for bundle in (desk.bundle(), desk.bundle(X402, ON_CHAIN)):
        verdict = verify_bundle(bundle, desk.trust, BODIES)
        assert [check for check in verdict.checks if check.result != "pass"] == []
        assert (verdict.valid, verdict.outcome, verdict.exit_code) == (True, Outcome.PASS, 0)
        assert verdict.record_id == bundle["evidence"]["record_id"]


def test_a_bundle_survives_a_json_round_trip(desk: Desk) -> None:
    bundle = json.loads(json.dumps(desk.bundle(X402, ON_CHAIN), indent=2))
    assert verify_bundle(bundle, desk.trust, BODIES).exit_code == 0


def test_the_key_in_a_bundle_proves_nothing_by_itself(desk: Desk) -> None:
    verdict = verify_bundle(desk.bundle(), bodies=BODIES)
    assert (verdict.valid, verdict.exit_code) == (False, 2)
    skipped = [check.name for check in verdict.checks if check.result is Result.SKIPPED]
    assert skipped == ["key_trusted", "log.checkpoint_signature"]


def test_a_stranger_who_signs_everything_anew_is_not_trusted(desk: Desk, tmp_path: Path) -> None:
    forged = open_desk(tmp_path / "other").bundle()
    verdict = verify_bundle(forged, desk.trust, BODIES)
    assert failed(verdict.checks) == ["key_trusted"]
    assert (verdict.valid, verdict.exit_code) == (False, 1)


def test_a_record_without_receipt_or_place_is_valid_but_incomplete(desk: Desk) -> None:
    whole = desk.bundle()
    for bundle in (
        {"receipt": None, "evidence": whole["evidence"], "inclusion": None},
        {"evidence": whole["evidence"]},
        whole["evidence"],
    ):
        verdict = verify_bundle(bundle, desk.trust)
        assert (verdict.valid, verdict.outcome, verdict.exit_code) == (True, Outcome.INCOMPLETE, 2)


def leaves_of(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield from leaves_of(item, (*path, key))
    else:
        yield path, value


def with_value(bundle: Any, path: tuple[Any, ...], value: Any) -> Any:
    changed = copy.deepcopy(bundle)
    place = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return changed


def test_each_field_that_is_changed_is_rejected_by_a_named_check(desk: Desk) -> None:
    bundle = json.loads(json.dumps(desk.bundle(X402, ON_CHAIN)))
    for path, value in leaves_of(bundle):
        other = value + 1 if isinstance(value, int) else "x" + value
        verdict = verify_bundle(with_value(bundle, path, other), desk.trust, BODIES)
        assert verdict.exit_code == 1, path
        assert all(check.detail for check in verdict.checks if check.result is Result.FAIL), path


def test_each_byte_of_each_hash_signature_and_key_counts(desk: Desk) -> None:
    bundle = json.loads(json.dumps(desk.bundle(X402, ON_CHAIN)))
    flipped = {"0": "1", "1": "0"}
    for path, value in leaves_of(bundle):
        if not isinstance(value, str) or len(value) < 64:
            continue
        for at in range(len(value)):
            other = value[:at] + flipped.get(value[at], "0") + value[at + 1 :]
            verdict = verify_bundle(with_value(bundle, path, other), desk.trust, BODIES)
            assert verdict.exit_code == 1, (path, at)


def test_each_field_that_is_missing_is_rejected(desk: Desk) -> None:
    bundle = json.loads(json.dumps(desk.bundle(X402, ON_CHAIN)))
    for path, _ in leaves_of(bundle):
        changed = copy.deepcopy(bundle)
        place = changed
        for key in path[:-1]:
            place = place[key]
        del place[path[-1]]
        assert verify_bundle(changed, desk.trust, BODIES).exit_code == 1, path


def test_each_member_that_is_swapped_between_two_bundles_is_rejected(desk: Desk) -> None:
    first, second = desk.bundle(X402, ON_CHAIN), desk.bundle(X402, ON_CHAIN)
    for path, value in leaves_of(json.loads(json.dumps(second))):
        changed = with_value(json.loads(json.dumps(first)), path, value)
        if changed != json.loads(json.dumps(first)):
            assert verify_bundle(changed, desk.trust, BODIES).exit_code == 1, path


@pytest.mark.parametrize(
    ("part", "name", "value", "check"),
    [
        ("evidence", "charged_nano_usd", 9_999, "price_arithmetic"),
        ("evidence", "quoted_max_nano_usd", 9_999, "charge_bounds"),
        ("evidence", "max_amount", "9", "charge_bounds"),
        ("evidence", "status", "done", "charge_bounds"),
        ("evidence", "ended_at_ms", 1, "times"),
        ("evidence", "type", "batchin/receipt/v1", "evidence.members"),
        ("evidence", "audit_id", "00000000-0000-7000-8000-000000000000", "evidence.members"),
        ("receipt", "type", "batchin/evidence/v1", "receipt.members"),
        ("receipt", "charged_nano_usd", 1, "settlement_arithmetic"),
        ("receipt", "credit_nano_usd", 5_001, "settlement_arithmetic"),
        ("receipt", "settled_atomic", 16, "settlement_arithmetic"),
        ("receipt", "transaction", "", "settlement_arithmetic"),
        ("receipt", "payer", "0x00", "linkage.payload"),
        ("receipt", "usage", {}, "linkage.payload"),
        ("receipt", "issued_at_ms", 5, "times"),
    ],
)
def test_a_seller_who_signs_wrong_figures_is_found_out(
    desk: Desk, part: str, name: str, value: Any, check: str
) -> None:
    bundle = json.loads(json.dumps(desk.bundle(X402, ON_CHAIN)))
    payload = bundle[part]["payload" if part == "evidence" else "receipt_payload"]
    payload[name] = value
    verdict = verify_bundle(resigned(bundle, desk.keys.current.signer), desk.trust)  # type: ignore[arg-type]
    assert check in failed(verdict.checks)
    signatures = {"evidence.signature", "receipt.receipt_signature"}
    assert not signatures & set(failed(verdict.checks))


def test_floats_and_big_integers_in_a_payload_are_named(desk: Desk) -> None:
    for value, words in ((0.5, "extra.deep[1] is a float"), (2**53, "no string")):
        bundle = json.loads(json.dumps(desk.bundle()))
        bundle["evidence"]["payload"]["extra"] = {"deep": [1, value]}
        verdict = verify_bundle(bundle, desk.trust)
        [check] = [check for check in verdict.checks if check.name == "evidence.canonical"]
        assert check.result is Result.FAIL
        assert words in check.detail


def test_another_request_or_response_is_told_apart(desk: Desk) -> None:
    bundle = desk.bundle()
    sent = {**REQUEST, "stream": True, "stream_options": {"include_usage": True}}
    assert verify_bundle(bundle, desk.trust, Bodies(sent, RESPONSE)).exit_code == 0
    for bodies, name in (
        (Bodies({**REQUEST, "temperature": 0.6}, RESPONSE), "request_hash"),
        (Bodies(REQUEST, {"choices": []}), "response_hash"),
        (Bodies([], RESPONSE), "request_hash"),
        (Bodies({"a": float("nan")}, RESPONSE), "request_hash"),
        (Bodies(REQUEST, {}), "response_hash"),
        (Bodies(REQUEST, "Paris."), "response_hash"),
        (
            Bodies(REQUEST, {"choices": [{"index": 0, "message": 1, "finish_reason": 2}]}),
            "response_hash",
        ),
    ):
        assert failed(verify_bundle(bundle, desk.trust, bodies).checks) == [name]


def test_an_answer_without_a_hash_rule_is_unbindable(desk: Desk) -> None:
    run = replace(outcome(), tool="paint")
    evidence, receipt = desk.signed(of=run)
    bundle = {
        "evidence": evidence.wire,
        "receipt": receipt.wire,
        "inclusion": inclusion_of(evidence, 0, 0),
    }
    verdict = verify_bundle(bundle, desk.trust, BODIES)
    [check] = [check for check in verdict.checks if check.name == "response_hash"]
    assert (check.result, verdict.exit_code) == (Result.UNBINDABLE, 2)


def test_a_failed_run_charges_nothing(desk: Desk) -> None:
    evidence, _ = desk.signed(of=outcome(status=RunStatus.FAILED))
    assert failed(verify_bundle(evidence.wire, desk.trust).checks) == ["price_arithmetic"]


def test_records_verify_across_rotations_and_a_retired_key_signs_nothing_new(desk: Desk) -> None:
    bundles = []
    retired = desk.keys.current.signer
    for turn in range(20):
        desk.clock.advance_s(60)
        run = with_times(outcome(), desk.clock.now_ms() - 5)
        evidence, receipt = desk.signed(of=run)
        bundles.append({"evidence": evidence.wire, "receipt": receipt.wire})
        desk.keys.rotate()
        late = desk.receipt(evidence, PaymentFacts(10_000), desk.clock.now_ms() + 7)
        bundles.append({"evidence": evidence.wire, "receipt": late.wire})
        assert len(desk.keys.history) == turn + 2
    for bundle in bundles:
        assert failed(verify_bundle(bundle, desk.trust).checks) == []

    backdated = json.loads(json.dumps(bundles[-1]))
    backdated["evidence"]["public_key"] = backdated["receipt"]["public_key"] = (
        "ed25519:pk_" + retired.public_key.hex()
    )
    backdated["evidence"]["key_id"] = backdated["receipt"]["key_id"] = retired.key_id
    forged = resigned(backdated, retired)  # type: ignore[arg-type] # a SeedSigner
    assert failed(verify_bundle(forged, desk.trust).checks) == ["key_trusted"]


def test_a_pinned_key_is_believed_at_any_time(desk: Desk) -> None:
    pinned = Trust((TrustedKey(desk.keys.current.public_key),), (LOG_KEY,))
    assert verify_bundle(desk.bundle(), pinned, BODIES).exit_code == 0


def test_a_checkpoint_of_another_log_or_another_tree_is_rejected(desk: Desk) -> None:
    bundle = desk.bundle()
    stranger = Trust(tuple(desk.keys.history), (LogKey(LOG_KEY.name, b"s" * 32),))
    assert failed(verify_bundle(bundle, stranger).checks) == ["log.checkpoint_signature"]
    other_name = Trust(tuple(desk.keys.history), (LogKey("other.example", LOG_KEY.public_key),))
    assert failed(verify_bundle(bundle, other_name).checks) == ["log.checkpoint_signature"]
    evidence, _ = desk.signed()
    bundle["inclusion"]["checkpoint"] = inclusion_of(evidence, 1, 1)["checkpoint"]
    assert failed(verify_bundle(bundle, desk.trust).checks) == ["log.checkpoint"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(data=st.data())
def test_no_value_in_any_place_makes_it_raise(tmp_path: Path, data: st.DataObject) -> None:
    desk = open_desk(tmp_path)
    bundle = json.loads(json.dumps(desk.bundle(X402, ON_CHAIN)))
    places: list[tuple[Any, ...]] = []
    for path, _ in leaves_of(bundle):
        places += [path[:depth] for depth in range(1, len(path) + 1)]
    path = data.draw(st.sampled_from(places))
    changed = with_value(bundle, path, data.draw(JSON))
    verdict = verify_bundle(changed, desk.trust, Bodies(data.draw(JSON), data.draw(JSON)))
    orjson.dumps(verdict.document())
    left_out = path in {("receipt",), ("inclusion",)} and changed[path[0]] is None
    alone = verify_bundle(changed, desk.trust)
    assert alone.exit_code == 1 or changed == bundle or left_out


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    "hostile",
    [None, 1, "text", [], {}, {"evidence": None}, {"evidence": []}, {"payload": 1}, deep(50_000)],
)
def test_what_is_no_bundle_fails_the_schema(hostile: Any) -> None:
    verdict = verify_bundle(hostile)
    assert failed(verdict.checks) == ["schema"]
    assert verdict.checks[0].detail


def test_a_huge_or_deep_extra_is_refused_before_it_costs_anything(desk: Desk) -> None:
    for extra in (deep(20), ["x"] * 10_000, "x" * 300_000, {str(n): n for n in range(5_000)}):
        bundle = json.loads(json.dumps(desk.bundle()))
        bundle["evidence"]["payload"]["extra"] = extra
        assert failed(verify_bundle(bundle, desk.trust).checks) == ["schema"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"\xff",
        b"[" * 100_000,
        b'{"evidence":{},"evidence":{}}',
        b'{"evidence":NaN}',
        b" " * 300_000 + b"{}",
        b'{"evidence":' + b"9" * 10_000 + b"}",
        b'{"evidence":"\\ud800"}',
    ],
)
def test_what_is_no_json_is_no_bundle(data: bytes) -> None:
    with pytest.raises(UnreadableBundle):
        parse_bundle(data)


def test_a_saved_bundle_verifies_by_saved_keys(desk: Desk) -> None:
    data = parse_bundle(orjson.dumps(desk.bundle(), option=orjson.OPT_INDENT_2))
    document = desk.keys.document() | {"log": {"verifier_key": LOG_KEY.verifier_key()}}
    pins = (desk.keys.current.public_key.hex(), LOG_KEY.verifier_key())
    for trust in (trust_from_document(document), trust_from_pins(pins)):
        assert verify_bundle(data, trust, BODIES).exit_code == 0


def test_keys_that_can_not_be_read_are_named() -> None:
    documents: list[Any] = [[], {}, {"keys": [1]}, {"keys": [{"public_key": "x", "not_before_ms": 0}]}]
    for document in documents:
        with pytest.raises(UnreadableKeys):
            trust_from_document(document)
    for pin in ("x", "ed25519:pk_00", "a+b+c"):
        with pytest.raises(UnreadableKeys):
            trust_from_pins([pin])

"""What is signed, byte for byte."""

import json
from dataclasses import replace
from pathlib import Path

import rfc8785
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from base.ids import audit_id_of, record_id_of
from base.pricing import PriceCard, Quote
from base.signing import signature_holds
from base.usage import Usage
from settlement.evidence.recorder import Recorder
from settlement.evidence.signed import PaymentFacts
from tests.unit.settlement.evidence.case import BALANCE, ON_CHAIN, X402, at_once, open_desk, outcome


def test_the_wire_form_is_the_documented_one(tmp_path: Path) -> None:
    desk = open_desk(tmp_path)
    run = outcome()
    evidence, receipt = desk.signed(X402, ON_CHAIN, run)
    key = desk.keys.current.public_key
    wire = evidence.wire
    assert set(wire) == {
        "record_id",
        "run_id",
        "audit_id",
        "customer_trace_id",
        "public_route_label",
        "environment",
        "prompt_version_id",
        "verification_method",
        "public_key",
        "key_id",
        "payload_hash",
        "signature",
        "payload",
    }
    assert wire["record_id"] == wire["payload"]["record_id"] == record_id_of(run.run_id)
    assert wire["audit_id"] == audit_id_of(run.run_id)
    assert wire["public_route_label"] == "managed-text"
    assert wire["verification_method"] == "Ed25519Signature2020"
    assert wire["public_key"] == "ed25519:pk_" + key.hex()
    assert wire["signature"] == "ed25519:" + evidence.signature.hex()
    assert signature_holds(key, evidence.payload, evidence.signature)
    assert signature_holds(key, receipt.payload, receipt.signature)
    assert receipt.wire["record_signature"] == wire["signature"]
    assert receipt.wire["request_hash"] == wire["payload"]["input_hash"]
    assert receipt.wire["response_hash"] == wire["payload"]["output_hash"]
    assert receipt.wire["receipt_payload"]["transaction"] == ON_CHAIN.transaction
    assert "transaction" not in wire["payload"]


def test_the_record_names_what_was_asked_what_served_and_what_it_cost(tmp_path: Path) -> None:
    evidence, receipt = open_desk(tmp_path).signed(BALANCE)
    payload = evidence.wire["payload"]
    assert (payload["model"], payload["served_model"]) == ("qwen3-32b", "smollm2-135m")
    assert payload["usage"] == {"input_tokens": 100, "output_tokens": 50, "cached_tokens": 10}
    assert payload["price"] == {
        "version": "card-1",
        "input_nano_per_mtok": 20_000_000,
        "output_nano_per_mtok": 160_000_000,
    }
    assert payload["charged_nano_usd"] == receipt.wire["receipt_payload"]["charged_nano_usd"] == 10_000
    assert payload["agent_registry"] == payload["agent_id"] == ""


def test_what_is_signed_is_rfc_8785_and_survives_a_json_round_trip(tmp_path: Path) -> None:
    evidence, receipt = open_desk(tmp_path).signed(X402, ON_CHAIN)
    for signed, payload in (
        (evidence.payload, evidence.wire["payload"]),
        (receipt.payload, receipt.wire["receipt_payload"]),
    ):
        assert signed == rfc8785.dumps(payload)
        assert signed == rfc8785.dumps(json.loads(json.dumps(payload)))


def test_an_agent_and_the_manifests_of_tools_are_named(tmp_path: Path) -> None:
    keys = open_desk(tmp_path).keys
    recorder = Recorder(
        keys,
        "production",
        lambda: ("eip155:8453:0xabc", "0"),
        {"chat": "sha256:" + "1" * 64},
    )
    evidence = at_once(recorder.evidence(outcome(), BALANCE, 10_000))
    payload = evidence.wire["payload"]
    assert payload["agent_registry"] == "eip155:8453:0xabc"
    assert payload["agent_id"] == "0"
    assert payload["tool_manifest_hash"] == "sha256:" + "1" * 64
    receipt = at_once(recorder.receipt(evidence, PaymentFacts(10_000), 0))
    assert receipt.wire["receipt_payload"]["agent_id"] == "0"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(exclude_categories=["Cs"])), amount=st.integers(0, 2**63 - 1))
def test_any_text_and_any_amount_has_one_canonical_form(tmp_path: Path, text: str, amount: int) -> None:
    quote = Quote(text, PriceCard(text, amount, 0), Usage(2**40, 0))
    run = replace(outcome(), model=text, quote=quote)
    evidence = at_once(open_desk(tmp_path).recorder.evidence(run, BALANCE, amount))
    assert evidence.payload == rfc8785.dumps(evidence.wire["payload"])
    charged = evidence.wire["payload"]["charged_nano_usd"]
    assert charged == (amount if amount < 2**53 else str(amount))

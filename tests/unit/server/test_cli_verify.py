"""batchin verify: a bundle from a file or standard input, against keys that the user names."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from server.verdicts import meaning_of
from settlement.evidence.verdict import Outcome
from settlement.evidence.verify import verify_bundle
from tests.unit.server.test_cli import run
from tests.unit.settlement.evidence.case import (
    LOG_KEY,
    ON_CHAIN,
    REQUEST,
    RESPONSE,
    X402,
    Desk,
    anchor_of,
    inclusion_of,
    open_desk,
    outcome,
)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return open_desk(tmp_path / "keys")


@pytest.fixture
def bundle(desk: Desk) -> Any:
    return desk.bundle(X402, ON_CHAIN)


def saved(path: Path, data: Any) -> str:
    path.write_text(json.dumps(data))
    return str(path)


def pins(desk: Desk) -> tuple[str, ...]:
    key = "ed25519:pk_" + desk.keys.current.public_key.hex()
    return ("--key", key, "--key", LOG_KEY.verifier_key())


def test_a_good_bundle_and_its_bodies_pass_against_pinned_keys(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, desk: Desk, bundle: Any
) -> None:
    bodies = (
        "--request",
        saved(tmp_path / "request.json", REQUEST),
        "--response",
        saved(tmp_path / "response.json", RESPONSE),
    )
    file = saved(tmp_path / "bundle.json", bundle)
    status, out, _ = run(capsys, "verify", file, *pins(desk), *bodies)
    assert status == 0
    assert bundle["evidence"]["record_id"] in out
    assert "fail" not in out
    assert "skipped" not in out
    assert "Valid: every check passed." in out


def test_what_was_not_checked_is_not_said_to_have_passed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, desk: Desk
) -> None:
    evidence, receipt = desk.signed(X402, ON_CHAIN)
    bundle = {
        "receipt": receipt.wire,
        "evidence": evidence.wire,
        "inclusion": inclusion_of(evidence, before=5, after=3),
        "anchor": anchor_of(evidence),
    }
    status, out, _ = run(capsys, "verify", saved(tmp_path / "bundle.json", bundle), *pins(desk))
    assert (status, "every check passed" in out) == (0, False)
    assert "Valid: every check that was made passed." in out
    assert "--online asks the chain" in out


def test_salted_hashes_need_their_salt(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, desk: Desk
) -> None:
    evidence, receipt = desk.signed(of=replace(outcome(), salt=b"s" * 32))
    place = inclusion_of(evidence, before=5, after=3)
    bundle = {"receipt": receipt.wire, "evidence": evidence.wire, "inclusion": place}
    file = saved(tmp_path / "bundle.json", bundle)
    asked = ("verify", file, *pins(desk), "--request", saved(tmp_path / "request.json", REQUEST))
    status, out, _ = run(capsys, *asked)
    assert (status, "no salt was given" in out) == (2, True)
    assert run(capsys, *asked, "--salt", (b"s" * 32).hex())[0] == 0
    assert run(capsys, *asked, "--salt", (b"t" * 32).hex())[0] == 1
    status, _, err = run(capsys, *asked, "--salt", "S" * 64)
    assert (status, "64 hex digits" in err) == (2, True)


def test_without_a_key_nothing_is_believed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, bundle: Any
) -> None:
    status, out, _ = run(capsys, "verify", saved(tmp_path / "bundle.json", bundle))
    assert status == 2
    assert "keys trusted: none" in out


def test_one_changed_figure_is_found(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, desk: Desk, bundle: Any
) -> None:
    bundle["receipt"]["receipt_payload"]["charged_nano_usd"] += 1
    file = saved(tmp_path / "bundle.json", bundle)
    status, out, _ = run(capsys, "verify", file, *pins(desk), "--json")
    assert status == 1
    verdict = json.loads(out)
    assert verdict["outcome"] == "fail"
    failed = {check["name"] for check in verdict["checks"] if check["result"] == "fail"}
    assert "receipt.receipt_signature" in failed


def test_standard_input_and_a_saved_key_list(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    desk: Desk,
    bundle: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys = {**desk.keys.document(), "log": {"verifier_key": LOG_KEY.verifier_key()}}
    stdin = io.TextIOWrapper(io.BytesIO(json.dumps(bundle).encode()))
    monkeypatch.setattr("sys.stdin", stdin)
    status, out, _ = run(capsys, "verify", "-", "--keys", saved(tmp_path / "keys.json", keys), "--json")
    assert status == 0
    assert json.loads(out)["valid"] is True


@pytest.mark.parametrize("text", ["not json", "[]", '{"evidence": 1, "evidence": 2}'])
def test_what_is_no_bundle_fails_as_one(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str
) -> None:
    (tmp_path / "bundle.json").write_text(text)
    status, out, _ = run(capsys, "verify", str(tmp_path / "bundle.json"), "--json")
    assert status == 1
    assert [check["name"] for check in json.loads(out)["checks"]] == ["schema"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [(("--key", "pk_1"), "--key: A public key should be"), (("--keys", "FILE"), "has no member keys")],
)
def test_unusable_keys_are_told(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    bundle: Any,
    arguments: tuple[str, str],
    sentence: str,
) -> None:
    empty = saved(tmp_path / "empty.json", {})
    named = [empty if argument == "FILE" else argument for argument in arguments]
    status, _, err = run(capsys, "verify", saved(tmp_path / "bundle.json", bundle), *named)
    assert status in (1, 2)
    assert sentence in err


def test_every_check_has_a_meaning_in_words(desk: Desk, bundle: Any) -> None:
    verdict = verify_bundle(bundle, desk.trust)
    assert verdict.outcome is Outcome.PASS
    assert [check.name for check in verdict.checks if meaning_of(check.name) == check.name] == []

"""The checks of the page find what the Python verifier finds, check by check, in Node as in browsers."""

import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import server.pages
from settlement.evidence.bundle import UnreadableBundle, parse_bundle
from settlement.evidence.hashes import text_hash
from settlement.evidence.salting import salt_from
from settlement.evidence.trust import NOBODY, Trust, trust_from_document
from settlement.evidence.verify import Bodies, verify_bundle
from tests.node import node, run
from tests.unit.settlement.evidence.case import open_desk, outcome

pytestmark = pytest.mark.peers

FOLDER = Path(server.pages.__file__).parent / "verify"
SCRIPT = Path(__file__).parent / "verify.mjs"
VECTOR = json.loads((Path(__file__).parents[2] / "vectors" / "bundle.json").read_bytes())
KEYS = json.dumps(VECTOR["keys"])
REQUEST = json.dumps(VECTOR["request"])
ELSEWHERE = {"response_hash"}  # the page leaves answers to the command line


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from leaves(item, (*path, name))
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from leaves(item, (*path, at))
    else:
        yield path


def changed(value: Any) -> Iterator[Any]:
    """Other values for a leaf: near ones of its kind, and ones of another kind."""
    if isinstance(value, str):
        last = value[-1:]
        yield value[:-1] + ("0" if last != "0" else "1")
        yield from (value + "x", "", 7, None, value.upper())
    else:
        yield from (value + 1, -1, float(value), str(value), 2**60, None, True)


def tampered() -> list[str]:
    """The bundle with each of its leaves changed, removed, and some texts that are no bundle."""
    texts = [
        json.dumps(VECTOR["anchored"]),
        json.dumps(VECTOR["bundle"]),
        json.dumps(VECTOR["bundle"]["evidence"]),
        "",
        "{",
        "[]",
        "7",
    ]
    texts += ['{"evidence": {}, "evidence": {}}', "[" * 100, json.dumps(VECTOR["bundle"]) + "x"]
    for path in leaves(VECTOR["anchored"]):
        for other in (*changed(_at(VECTOR["anchored"], path)), ...):
            bundle = deepcopy(VECTOR["anchored"])
            holder = _at(bundle, path[:-1])
            if other is ...:
                del holder[path[-1]]
            else:
                holder[path[-1]] = other
            texts.append(json.dumps(bundle))
    return texts


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


def in_python(text: str, trust: Trust, request: Any, salt: bytes = b"") -> dict[str, str]:
    try:
        bundle = parse_bundle(text.encode())
    except UnreadableBundle:
        return {"schema": "fail"}
    verdict = verify_bundle(bundle, trust, Bodies(request, None, salt)).document()
    return {item["name"]: item["result"] for item in verdict["checks"] if item["name"] not in ELSEWHERE}


async def in_node(cases: list[dict[str, str | None]], folder: Path) -> list[dict[str, str]]:
    verdicts = await _told(SCRIPT, {"cases": cases}, folder)
    return [
        {item["name"]: item["result"] for item in v["checks"] if item["name"] not in ELSEWHERE}
        for v in verdicts
    ]


async def _told(script: Path, given: dict[str, Any], folder: Path) -> Any:
    told = folder / "given.json"
    told.write_text(json.dumps({"folder": str(FOLDER), **given}))
    return json.loads(await run("sh", "-c", f'"{await node()}" "{script}" < "{told}"', cwd=folder))


async def test_every_tampered_bundle_fails_the_same_checks(tmp_path: Path) -> None:
    texts = tampered()
    trust = trust_from_document(VECTOR["keys"])
    seen = await in_node([{"bundle": t, "keys": KEYS, "request": REQUEST} for t in texts], tmp_path)
    assert len(texts) > 700
    assert set(seen[0].values()) == {"pass"}
    for text, found in zip(texts, seen, strict=True):
        assert found == in_python(text, trust, VECTOR["request"]), text
    good = texts[:2]
    broken = [found for text, found in zip(texts, seen, strict=True) if text not in good]
    # what an anchor says of its chain is for batchin verify --online, which asks the chain
    assert sum("fail" in found.values() for found in broken) >= len(broken) - 60


async def test_without_keys_nothing_is_believed(tmp_path: Path) -> None:
    text = json.dumps(VECTOR["bundle"])
    (found,) = await in_node([{"bundle": text, "keys": None, "request": None}], tmp_path)
    assert found == in_python(text, NOBODY, None)
    assert found["key_trusted"] == "skipped"


async def test_salted_hashes_are_checked_with_their_salt_alone(tmp_path: Path) -> None:
    text, trust = json.dumps(VECTOR["salted"]), trust_from_document(VECTOR["keys"])
    wanted = {None: "skipped", "": "skipped", "zz": "skipped", "00" * 32: "fail", VECTOR["salt"]: "pass"}
    case = {"bundle": text, "keys": KEYS, "request": REQUEST}
    seen = await in_node([{**case, "salt": salt} for salt in wanted], tmp_path)
    assert [found["request_hash"] for found in seen] == list(wanted.values())
    for found, salt in zip(seen, wanted, strict=True):
        assert found == in_python(text, trust, VECTOR["request"], salt_from(salt) or b"")


async def test_what_was_attested_is_checked_in_the_page_too(tmp_path: Path) -> None:
    desk, asked = open_desk(tmp_path), {"input_text": "1 + 1?", "output_text": "2", "model_id": "m"}
    run = replace(outcome(), tool="attest", request_hash=text_hash("1 + 1?"))
    evidence, receipt = desk.signed(of=run)
    bundle = {"receipt": dict(receipt.wire), "evidence": dict(evidence.wire), "inclusion": None}
    text, keys = json.dumps(bundle), json.dumps(desk.keys.document())
    bodies = [json.dumps(body) for body in (asked, {**asked, "input_text": "1"}, {"model_id": "m"})]
    seen = await in_node([{"bundle": text, "keys": keys, "request": body} for body in bodies], tmp_path)
    assert [found["request_hash"] for found in seen] == ["pass", "fail", "fail"]
    trust = trust_from_document(desk.keys.document())
    assert seen == [in_python(text, trust, json.loads(body)) for body in bodies]


async def test_every_detail_is_told_in_chinese(tmp_path: Path) -> None:
    texts = json.loads((FOLDER / "texts.json").read_bytes())
    cases: list[dict[str, str | None]] = [
        {"bundle": text, "keys": KEYS, "request": REQUEST} for text in tampered()
    ]
    cases += [{"bundle": text, "keys": None, "request": None} for text in tampered()[:3]]
    cases += [{"bundle": "x" * 300_000, "keys": None, "request": None}, {"bundle": '{"a" 1}'}]
    cases += [{"bundle": text} for text in ('{"a": 1', "[1", '{"a": [1, 2', "{1: 2}", "\u00e4", "")]
    for path, value in ((("charged_nano_usd",), 7), (("extra",), {"b": [0.5]}), (("extra",), {"ä": 1})):
        bundle = deepcopy(VECTOR["bundle"])
        _at(bundle["evidence"]["payload"], path[:-1])[path[-1]] = value
        cases.append({"bundle": json.dumps(bundle), "keys": KEYS})
    given = {"cases": cases, "known": texts["zh"]["details"]}
    said = await _told(SCRIPT.with_name("details.mjs"), given, tmp_path)
    assert said["left"] == []
    assert said["told"] > 100
    shown = dict(map(tuple, said["shown"]))
    told = "charged_nano_usd is 7, usage x price is 10000."
    assert shown[told].startswith("charged_nano_usd 为 7")
    assert "10000" in shown[told]


async def test_the_vectors_of_proofs_hold_in_the_pages_code(tmp_path: Path) -> None:
    vectors = json.loads((Path(__file__).parents[2] / "vectors" / "proofs.json").read_bytes())
    seen = await _told(SCRIPT.with_name("proofs.mjs"), {"vectors": vectors}, tmp_path)
    proofs = sum(len(tree["inclusion"]) + len(tree["consistency"]) for tree in vectors["trees"])
    assert seen == {"held": proofs, "failed": 0, "lies": 0, "roots": len(vectors["trees"])}
    assert proofs > 500

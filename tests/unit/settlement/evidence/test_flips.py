"""Each byte of a saved bundle counts: whichever is flipped, a named check rejects it.

The suite flips a part of the bytes of one bundle; ``make test-flips`` all bytes of a hundred.
"""

import os
from pathlib import Path

import orjson

from base.ids import new_run_id
from settlement.evidence.bundle import UnreadableBundle, parse_bundle
from settlement.evidence.verify import Bodies, verify_bundle
from tests.unit.settlement.evidence.case import (
    ON_CHAIN,
    REQUEST,
    RESPONSE,
    X402,
    inclusion_of,
    open_desk,
    outcome,
)

BUNDLES = int(os.environ.get("BATCHIN_FLIPPED_BUNDLES", "0"))
PART = 11


def test_each_flipped_byte_is_rejected_by_a_named_check(tmp_path: Path) -> None:
    desk = open_desk(tmp_path / "keys")
    tried = 0
    for number in range(BUNDLES or 1):
        evidence, receipt = desk.signed(X402, ON_CHAIN, outcome(new_run_id()))
        inclusion = inclusion_of(evidence, before=number % 9, after=number % 7)
        data = orjson.dumps({"receipt": receipt.wire, "evidence": evidence.wire, "inclusion": inclusion})
        assert verify_bundle(parse_bundle(data), desk.trust, Bodies(REQUEST, RESPONSE)).exit_code == 0
        for at in range(0, len(data), 1 if BUNDLES else PART):
            flipped = bytearray(data)
            flipped[at] ^= 1 << (at + number) % 8
            tried += 1
            try:
                bundle = parse_bundle(bytes(flipped))
            except UnreadableBundle:
                continue
            verdict = verify_bundle(bundle, desk.trust, Bodies(REQUEST, RESPONSE))
            short = [check for check in verdict.checks if check.needed and not check.valid]
            assert verdict.exit_code != 0, at
            assert all(check.name and check.detail for check in short), at
            if verdict.exit_code == 2:  # another name: the bundle has no receipt or place, and says so
                assert bundle.keys() != {"receipt", "evidence", "inclusion"}, at
    assert tried > 400 * (BUNDLES or 1)

"""Makes the golden bundle from fixed keys; run as a module (``python -m``) it writes the vector.

The vectors freeze the formats: when this makes other bytes, verifiers in the field break.
"""

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from settlement.evidence.keyring import KeyRing
from settlement.evidence.log import Log
from settlement.evidence.reader import EvidenceReader
from settlement.evidence.recorder import Recorder
from tests.clocks import HandClock
from tests.unit.settlement.evidence.case import (
    LOG_KEY,
    ON_CHAIN,
    REQUEST,
    RESPONSE,
    X402,
    Desk,
    anchor_of,
    inclusion_of,
    outcome,
)

PATH = Path(__file__).parents[3] / "vectors" / "bundle.json"
RUN_ID = "run_019c12a54a80700080000123456789ab"
RECEIPT_SEED = "11" * 32
SALT = "5a" * 32


class _Nothing:
    """A store that nobody asks."""


def golden(folder: Path) -> dict[str, Any]:
    """The bundle, the published keys that it is verified by, and the bodies that it names."""
    path = folder / "receipt.key"
    path.touch(mode=0o600)
    path.write_text(RECEIPT_SEED)
    clock = HandClock()
    keys = KeyRing.open(folder, clock)
    desk = Desk(keys, Recorder(keys, "development"), clock)
    evidence, receipt = desk.signed(X402, ON_CHAIN, outcome(RUN_ID))
    hidden, paid = desk.signed(X402, ON_CHAIN, replace(outcome(RUN_ID), salt=bytes.fromhex(SALT)))
    reader = EvidenceReader(_Nothing(), keys, Log(_Nothing(), LOG_KEY))  # type: ignore[arg-type] # never read
    bundle = {
        "receipt": receipt.wire,
        "evidence": evidence.wire,
        "inclusion": inclusion_of(evidence, before=5, after=3),
    }
    return {
        "bundle": bundle,
        "anchored": {**bundle, "anchor": anchor_of(evidence)},
        "salted": {
            "receipt": paid.wire,
            "evidence": hidden.wire,
            "inclusion": inclusion_of(hidden, before=5, after=3),
        },
        "salt": SALT,
        "keys": reader.keys_document(),
        "request": REQUEST,
        "response": RESPONSE,
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        PATH.write_text(json.dumps(golden(Path(made)), indent=2) + "\n")

"""The ``vaas`` member of answers: where the evidence of a call is found and what signs it."""

from collections.abc import Mapping
from typing import Any


def vaas_member(run_id: str, evidence: Mapping[str, Any], salt: str) -> dict[str, Any]:
    """``{record_id, run_id, signature, public_key, payload_hash}`` of a signed record, and the
    ``salt`` of its hashes where they are salted."""
    member = {
        "record_id": evidence["record_id"],
        "run_id": run_id,
        "signature": evidence["signature"],
        "public_key": evidence["public_key"],
        "payload_hash": evidence["payload_hash"],
    }
    return {**member, "salt": salt} if salt else member

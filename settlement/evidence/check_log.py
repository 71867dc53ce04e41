"""Checks of the place in the log: inclusion proof, checkpoint, who signed it, and what was anchored."""

from typing import Final

from settlement.evidence.bundle import (
    AnchorShape,
    BundleShape,
    EvidencePayloadShape,
    InclusionShape,
)
from settlement.evidence.checkpoint import BadCheckpoint, Note
from settlement.evidence.merkle import included, leaf_hash
from settlement.evidence.spelling import hash_from
from settlement.evidence.trust import Trust
from settlement.evidence.verdict import Findings

_PARTS: Final = ("inclusion", "checkpoint", "checkpoint_signature")


def check_log(findings: Findings, shape: BundleShape, trust: Trust) -> None:
    payload_hash = shape.evidence.payload_hash
    if shape.inclusion is None:
        for part in _PARTS:
            findings.skip(
                f"log.{part}", "The record has no place in the log yet; fetch the bundle again."
            )
    else:
        _check_place(findings, "log", payload_hash, shape.inclusion, trust)
    if shape.anchor is not None:
        _check_place(findings, "anchor", payload_hash, shape.anchor.inclusion, trust)
        findings.add("anchor.digest", _digest_problem(shape.anchor))
        if shape.evidence.payload.agent_registry:
            findings.add("anchor.agent", _agent_problem(shape.evidence.payload, shape.anchor))


def _check_place(
    findings: Findings, where: str, payload_hash: str, inclusion: InclusionShape, trust: Trust
) -> None:
    names = [f"{where}.{part}" for part in _PARTS]
    findings.add(names[0], _inclusion_problem(payload_hash, inclusion))
    try:
        note = Note.parse(inclusion.checkpoint)
    except BadCheckpoint as error:
        findings.add(names[1], str(error))
        findings.skip(names[2], "There is no checkpoint to check.")
        return
    findings.add(names[1], _checkpoint_problem(note, inclusion))
    _check_signature(findings, names[2], note, trust)


def _digest_problem(anchor: AnchorShape) -> str:
    from settlement.chain.keccak import keccak256

    note = anchor.inclusion.checkpoint.encode("utf-8", "surrogatepass")
    found = "0x" + keccak256(note).hex()
    return "" if found == anchor.digest else "digest is not the keccak-256 of the checkpoint."


def _agent_problem(record: EvidencePayloadShape, anchor: AnchorShape) -> str:
    """A record that names an agent is anchored by that one; the metadata is in its own registry."""
    network, _, registry = record.agent_registry.rpartition(":")
    if (anchor.network, anchor.agent_id) != (network, record.agent_id):
        return "The anchor is of another agent than the record."
    if anchor.kind == "identity_metadata" and anchor.registry.lower() != registry.lower():
        return "The anchor is in another registry than the record's agent."
    return ""


def _inclusion_problem(payload_hash: str, inclusion: InclusionShape) -> str:
    entry = hash_from(payload_hash)
    leaf = leaf_hash(entry) if entry is not None else b""
    if leaf.hex() != inclusion.leaf_hash:
        return "leaf_hash is not that of this record."
    holds = included(
        leaf,
        inclusion.leaf_index,
        inclusion.tree_size,
        [bytes.fromhex(sibling) for sibling in inclusion.proof],
        bytes.fromhex(inclusion.root),
    )
    return "" if holds else "The proof does not lead from the leaf to the root."


def _checkpoint_problem(note: Note, inclusion: InclusionShape) -> str:
    if note.checkpoint.size != inclusion.tree_size:
        return "The checkpoint is of another tree size."
    if note.checkpoint.root.hex() != inclusion.root:
        return "The checkpoint is of another root."
    return ""


def _check_signature(findings: Findings, name: str, note: Note, trust: Trust) -> None:
    if not trust.log_keys:
        findings.skip(name, "No key of the log was given.")
        return
    signed = any(key.name == note.checkpoint.origin and note.signed_by(key) for key in trust.log_keys)
    findings.add(name, "" if signed else "No trusted key of the log signed the checkpoint.")

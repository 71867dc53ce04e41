"""Checks of the place in the log: inclusion proof, checkpoint, and who signed it."""

from typing import Final

from settlement.evidence.bundle import BundleShape, InclusionShape
from settlement.evidence.checkpoint import BadCheckpoint, Note
from settlement.evidence.merkle import included, leaf_hash
from settlement.evidence.spelling import hash_from
from settlement.evidence.trust import Trust
from settlement.evidence.verdict import Findings

_INCLUSION: Final = "log.inclusion"
_CHECKPOINT: Final = "log.checkpoint"
_SIGNATURE: Final = "log.checkpoint_signature"


def check_log(findings: Findings, shape: BundleShape, trust: Trust) -> None:
    if shape.inclusion is None:
        for name in (_INCLUSION, _CHECKPOINT, _SIGNATURE):
            findings.skip(name, "The record has no place in the log yet; fetch the bundle again.")
        return
    findings.add(_INCLUSION, _inclusion_problem(shape.evidence.payload_hash, shape.inclusion))
    try:
        note = Note.parse(shape.inclusion.checkpoint)
    except BadCheckpoint as error:
        findings.add(_CHECKPOINT, str(error))
        findings.skip(_SIGNATURE, "There is no checkpoint to check.")
        return
    findings.add(_CHECKPOINT, _checkpoint_problem(note, shape.inclusion))
    _check_signature(findings, note, trust)


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


def _check_signature(findings: Findings, note: Note, trust: Trust) -> None:
    if not trust.log_keys:
        findings.skip(_SIGNATURE, "No key of the log was given.")
        return
    signed = any(key.name == note.checkpoint.origin and note.signed_by(key) for key in trust.log_keys)
    findings.add(_SIGNATURE, "" if signed else "No trusted key of the log signed the checkpoint.")

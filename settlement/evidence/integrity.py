"""Does the log still say what its last checkpoint says: the part of it that is quick to look at.

O(log n) rows at any size. Who wants all of it reads the entries and takes the root (docs/receipts.md).
"""

from typing import Any

from sqlalchemy import func, select

from base.clock import iso_utc
from settlement.evidence import merkle
from settlement.evidence.checkpoint import BadCheckpoint, Checkpoint, Note
from settlement.evidence.log import Head, Log
from settlement.evidence.tables import LOG_ENTRY
from settlement.evidence.verdict import Findings


async def log_integrity(log: Log) -> dict[str, Any]:
    """``{size, root, checkpoint, checkpoint_at, valid, checks}``; an empty log is whole."""
    heads = await log.heads(2)
    findings = Findings()
    if heads:
        await _look(findings, log, heads[0])
        findings.add("consistency", await _consistency_problem(log, heads[-1], heads[0]))
    head = heads[0] if heads else await log.head()
    verdict = findings.verdict("")
    return {
        "size": head.size,
        "root": head.root.hex(),
        "checkpoint": head.note,
        "checkpoint_at": iso_utc(head.at_ms) if head.note else None,
        "valid": all(check.valid for check in verdict.checks),
        "checks": verdict.document()["checks"],
    }


async def _look(findings: Findings, log: Log, head: Head) -> None:
    findings.add("checkpoint", _note_problem(log, head))
    last = await log.store.read(select(func.max(LOG_ENTRY.c.leaf_index).label("last")))
    problem = "The last entry is not the last leaf of the checkpoint."
    findings.equal("entries", last[0]["last"], head.size - 1, problem)
    try:
        computed = await log.root(head.size)
    except KeyError:
        findings.add("root", "Nodes of the tree are missing.")
        return
    findings.equal("root", computed, head.root, "The tree's root is not that of the checkpoint.")


def _note_problem(log: Log, head: Head) -> str:
    try:
        note = Note.parse(head.note)
    except BadCheckpoint as error:
        return str(error)
    if note.checkpoint != Checkpoint(log.key.name, head.size, head.root):
        return "The signed note is of another size, root or log."
    return "" if note.signed_by(log.key) else "The log's key did not sign it."


async def _consistency_problem(log: Log, before: Head, head: Head) -> str:
    try:
        proof = (await log.consistency(before.size, head.size))["proof"]
    except KeyError:
        return "Nodes of the tree are missing."
    path = [bytes.fromhex(sibling) for sibling in proof]
    holds = merkle.consistent(before.size, head.size, before.root, head.root, path)
    return "" if holds else "The checkpoint does not continue the one before it."

"""What the checks of a verification mean, in words for people."""

from typing import Final

from settlement.evidence.verdict import Outcome, Verdict

_MEANINGS: Final = {
    "schema": "the bundle has the documented form",
    "evidence.canonical": "the record can be written in one way only (RFC 8785)",
    "evidence.payload_hash": "the record's hash is that of its content",
    "evidence.signature": "the key signed exactly this record (Ed25519)",
    "evidence.members": "what stands around the record repeats it word for word",
    "evidence.key_id": "the key's id belongs to the key",
    "key_trusted": "it is a key that you trust, in use at that time",
    "receipt": "there is a receipt",
    "receipt.canonical": "the receipt can be written in one way only (RFC 8785)",
    "receipt.receipt_hash": "the receipt's hash is that of its content",
    "receipt.receipt_signature": "the key signed exactly this receipt (Ed25519)",
    "receipt.members": "what stands around the receipt repeats it word for word",
    "receipt.key_id": "the key's id belongs to the key",
    "linkage.record_id": "receipt and record carry the same id",
    "linkage.record_signature": "the receipt names this record's signature",
    "linkage.public_key": "one key signed both",
    "linkage.request_hash": "both name the same request",
    "linkage.response_hash": "both name the same answer",
    "linkage.evidence_hash": "the receipt was made for this very record",
    "linkage.payload": "the receipt repeats the record's facts",
    "price_arithmetic": "tokens times price is what was charged",
    "charge_bounds": "no more was charged than quoted and authorized",
    "settlement_arithmetic": "what moved on chain is charge plus credit",
    "times": "the times stand in order",
    "request_hash": "the request is the one that was sent",
    "response_hash": "the answer is the one that was received",
    "log.inclusion": "the record stands in the append-only log (RFC 9162)",
    "log.checkpoint": "the proof ends in the published checkpoint",
    "log.checkpoint_signature": "the log's key signed that checkpoint",
    "anchor.inclusion": "the record stands in the log that was anchored on a chain",
    "anchor.checkpoint": "the proof ends in the anchored checkpoint",
    "anchor.checkpoint_signature": "the log's key signed that checkpoint",
    "anchor.digest": "the anchor's digest is that checkpoint's (keccak-256); --online asks the chain",
    "anchor.agent": "the agent that the record names anchored it",
    "log.consistency": "the log only grew since the checkpoint that you kept",
    "anchor.consistency": "the anchored log is the one that you kept a checkpoint of",
    "log.head": "what the server's log holds now goes on from what you kept",
    "chain.network": "the node that was asked is of the record's chain",
    "chain.payment": "the transaction moved the settled amount, as the payer authorized",
    "agent.registry": "the record names the chain's Identity Registry (ERC-8004)",
    "agent.wallet": "the one who was paid was the agent's wallet at that block",
    "agent.registration": "the registry points at a file that names the entry",
    "anchor.transaction": "the chain holds the digest of the anchored checkpoint",
}
_SUMMARIES: Final = {
    Outcome.PASS: "Valid: every check passed.",
    Outcome.FAIL: "Not valid: a check failed.",
    Outcome.INCOMPLETE: "Incomplete: nothing failed, but a check could not be made.",
}


def meaning_of(name: str) -> str:
    """What it means that the check passed."""
    return _MEANINGS.get(name, name)


def summary_of(verdict: Verdict) -> str:
    if verdict.outcome is Outcome.PASS and not all(check.valid for check in verdict.checks):
        return "Valid: every check that was made passed."
    return _SUMMARIES[verdict.outcome]

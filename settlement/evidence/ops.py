"""Operations on evidence: they ride in the commits of captures and settlements."""

from settlement.evidence.signed import Signed
from storage.op import Key, Op, Refused, Row, Rows

NO_EVIDENCE = Refused("no_evidence")
DUPLICATE = Refused("duplicate")


def evidence_key(run_id: str) -> Key:
    return Key("evidence", (run_id,))


def evidence_op(evidence: Signed, receipt: Signed | None, at_ms: int) -> Op:
    """Store a record, with its receipt where that is signed already, and queue it for the log."""
    key = evidence_key(evidence.run_id)
    row: Row = {
        "run_id": evidence.run_id,
        "payload": evidence.payload,
        "signature": evidence.signature,
        "key_id": evidence.key_id,
        "public_key": evidence.public_key,
        "recorded_at_ms": at_ms,
        **_receipt_columns(receipt),
    }
    queued: Row = {
        "run_id": evidence.run_id,
        "payload_hash": evidence.digest,
    }

    def fold(rows: Rows) -> None:
        rows.put(key, row)
        rows.add("log_queue", queued)

    return Op(keys=(), fold=fold, fresh=(key,))


def receipt_op(run_id: str, receipt: Signed) -> Op:
    """Store the receipt of a record that was committed before its settlement.

    Refused("no_evidence") when there is no such record, Refused("duplicate") when it has a receipt: the
    first one signed stands.
    """
    key = evidence_key(run_id)
    columns = _receipt_columns(receipt)

    def fold(rows: Rows) -> Refused | None:
        row = rows.get(key)
        if row is None:
            return NO_EVIDENCE
        if row["receipt_payload"] is not None:
            return DUPLICATE
        rows.put(key, row | columns)
        return None

    return Op(keys=(key,), fold=fold)


def _receipt_columns(receipt: Signed | None) -> Row:
    if receipt is None:
        return dict.fromkeys(("receipt_payload", "receipt_signature", "receipt_public_key"))
    return {
        "receipt_payload": receipt.payload,
        "receipt_signature": receipt.signature,
        "receipt_public_key": receipt.public_key,
    }

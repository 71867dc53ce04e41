"""Proof of each call: signed records and receipts, the key ring, the append-only log, verification."""

"""Tables of the evidence and of the log over it. Times are milliseconds since the epoch."""

from typing import Final

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, String, Table, Text

TABLES: Final = MetaData()

EVIDENCE: Final = Table(
    "evidence",
    TABLES,
    Column("run_id", String, primary_key=True),
    Column("payload", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("key_id", String, nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("receipt_payload", LargeBinary, nullable=True),
    Column("receipt_signature", LargeBinary, nullable=True),
    Column("receipt_public_key", LargeBinary, nullable=True),
    Column("recorded_at_ms", BigInteger, nullable=False),
)
"""One signed record a run, and its receipt once that is signed."""

LOG_QUEUE: Final = Table(
    "log_queue",
    TABLES,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("run_id", String, nullable=False),
    Column("payload_hash", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)
"""Committed records that have no place in the log yet, in the order of their commits."""

LOG_ENTRY: Final = Table(
    "log_entry",
    TABLES,
    Column("leaf_index", BigInteger, primary_key=True, autoincrement=False),
    Column("run_id", String, nullable=False, unique=True),
    Column("payload_hash", LargeBinary, nullable=False),
)
"""The entries of the log: each is the SHA-256 of a record's payload."""

LOG_TILE: Final = Table(
    "log_tile",
    TABLES,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("idx", BigInteger, primary_key=True, autoincrement=False),
    Column("hashes", LargeBinary, nullable=False),
)
"""The nodes of the tree (settlement.evidence.tiles)."""

LOG_HEAD: Final = Table(
    "log_head",
    TABLES,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("size", BigInteger, nullable=False),
)
"""One row: the size of the tree. Growing it is conditional on it, so the log can't fork."""

CHECKPOINT: Final = Table(
    "checkpoint",
    TABLES,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, nullable=False),
    Column("note", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
)
"""Every checkpoint that was signed."""

# ``state`` is sent, mined, final or failed; ``transaction`` "" before it is journaled. ``digest`` is the
# keccak-256 of ``note`` as 0x hex. Wei fit: no budget allows a fee of 9 ether.
ANCHOR: Final = Table(
    "anchor",
    TABLES,
    Column("genesis", String, primary_key=True),
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("attempt", Integer, nullable=False),
    Column("kind", String, nullable=False),
    Column("network", String, nullable=False),
    Column("registry", String, nullable=False),
    Column("agent_id", String, nullable=False),
    Column("note", Text, nullable=False),
    Column("digest", String, nullable=False),
    Column("transaction", String, nullable=False),
    Column("block", BigInteger, nullable=False),
    Column("gas_used", BigInteger, nullable=False),
    Column("fee_wei", BigInteger, nullable=False),
    Column("state", String, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
)
"""Checkpoints that were written onto a chain, or are on their way."""

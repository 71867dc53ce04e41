"""Tables of the ledger: who may spend, what moved, what is reserved, what was used.

Amounts are integer nano-USD, times milliseconds since the epoch. The checks are a second wall behind the
folds: a row that breaks one is a fault of ours. Rows are clustered by their key on SQLite, where ids
that grow with time then cost one b-tree instead of two.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    false,
    true,
)

from storage.schema import UNCACHED

TABLES: Final = MetaData()

ACCOUNT: Final = Table(
    "account",
    TABLES,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("name", String, nullable=False),
    Column("email", String, nullable=False),
    Column("posted", BigInteger, nullable=False),
    Column("held", BigInteger, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    CheckConstraint("held >= 0 AND posted >= held", name="account_never_overdrawn"),
    sqlite_with_rowid=False,
)

API_KEY: Final = Table(
    "api_key",
    TABLES,
    Column("id", String, primary_key=True),
    Column("account_id", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("serial", Integer, nullable=False),
    Column("prefix", String, nullable=False),
    Column("name", String, nullable=False),
    Column("workspace", String, nullable=False),
    Column("lane", String, nullable=False),
    Column("region", String, nullable=False),
    Column("scopes", String, nullable=False),
    Column("rate_limit_rpm", Integer, nullable=True),
    Column("rate_limit_tpm", Integer, nullable=True),
    Column("max_concurrency", Integer, nullable=True),
    Column("streams_responses", Boolean, nullable=False, default=True, server_default=true()),
    Column("salts_hashes", Boolean, nullable=False, default=False, server_default=false()),
    Column("keeps_samples", Boolean, nullable=False, default=False, server_default=false()),
    Column("monthly_budget_nano", BigInteger, nullable=True),
    Column("month", Integer, nullable=False),
    Column("spent_nano", BigInteger, nullable=False),
    Column("held_nano", BigInteger, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("expires_at_ms", BigInteger, nullable=True),
    Column("revoked_at_ms", BigInteger, nullable=True),
    CheckConstraint("held_nano >= 0 AND spent_nano >= 0", name="api_key_counts"),
    sqlite_with_rowid=False,
)

TRANSFER: Final = Table(
    "transfer",
    TABLES,
    Column("id", String, primary_key=True),
    Column("debit", String, nullable=False),
    Column("credit", String, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("code", String, nullable=False),
    Column("ref", String, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    CheckConstraint("amount >= 0 AND debit <> credit", name="transfer_moves"),
    sqlite_with_rowid=False,
    info=UNCACHED,
)

HOLD: Final = Table(
    "hold",
    TABLES,
    Column("run_id", String, primary_key=True),
    Column("account_id", String, nullable=False),
    Column("key_id", String, nullable=True),
    Column("amount", BigInteger, nullable=False),
    Column("captured", BigInteger, nullable=False),
    Column("lease", String, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    CheckConstraint("captured >= 0 AND amount >= captured", name="hold_bounds"),
    sqlite_with_rowid=False,
)

USAGE: Final = Table(
    "usage",
    TABLES,
    Column("run_id", String, primary_key=True),
    Column("account_id", String, nullable=False),
    Column("key_id", String, nullable=True),
    Column("tool", String, nullable=False),
    Column("model", String, nullable=False),
    Column("served_model", String, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cached_tokens", BigInteger, nullable=False),
    Column("images", BigInteger, nullable=False),
    Column("audio_ms", BigInteger, nullable=False),
    Column("characters", BigInteger, nullable=False),
    Column("video_ms", BigInteger, nullable=False, server_default="0"),
    Column("charged_nano_usd", BigInteger, nullable=False),
    Column("rail", String, nullable=False),
    Column("status", String, nullable=False),
    Column("price_version", String, nullable=False),
    Column("trace_id", String, nullable=False),
    Column("prompt_version", String, nullable=False),
    Column("started_at_ms", BigInteger, nullable=False),
    Column("ended_at_ms", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

Index("usage_account", USAGE.c.account_id, USAGE.c.run_id)
Index(
    "usage_prompt",
    USAGE.c.account_id,
    USAGE.c.prompt_version,
    USAGE.c.started_at_ms,
    sqlite_where=USAGE.c.prompt_version != "default",
)

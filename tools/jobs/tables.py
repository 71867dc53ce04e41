"""Tables of batches: the jobs, what became of each task, and the news of them on their way."""

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
    Text,
)

from storage.schema import UNCACHED

TABLES: Final = MetaData()

BATCH: Final = Table(
    "batch",
    TABLES,
    Column("id", String, primary_key=True),
    Column("seq", String, nullable=False, unique=True),
    Column("account_id", String, nullable=False),
    Column("key_id", String, nullable=True),
    Column("wallet", Boolean, nullable=False),
    Column("region", String, nullable=False),
    Column("workspace", String, nullable=False),
    Column("scopes", String, nullable=True),
    Column("inline", Boolean, nullable=False),
    Column("endpoint", String, nullable=True),
    Column("priority", String, nullable=False),
    Column("completion_window", String, nullable=False),
    Column("input_file_id", String, nullable=False),
    Column("output_file_id", String, nullable=True),
    Column("error_file_id", String, nullable=True),
    Column("output_life_s", Integer, nullable=True),
    Column("status", String, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("completed", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cached_tokens", BigInteger, nullable=False),
    Column("quoted_nano_usd", BigInteger, nullable=False),
    Column("charged_nano_usd", BigInteger, nullable=False),
    Column("records", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=True),
    Column("errors", Text, nullable=False),
    Column("metadata", Text, nullable=True),
    Column("webhook_url", String, nullable=True),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("expires_at_ms", BigInteger, nullable=False),
    Column("in_progress_at_ms", BigInteger, nullable=True),
    Column("cancelling_at_ms", BigInteger, nullable=True),
    Column("finalizing_at_ms", BigInteger, nullable=True),
    Column("ended_at_ms", BigInteger, nullable=True),
    Column("gone_at_ms", BigInteger, nullable=False),
    Column("lane", String, nullable=True),
    Column("progress", Integer, nullable=True),
    Column("salts_hashes", Boolean, nullable=True),
    CheckConstraint("completed >= 0 AND failed >= 0", name="batch_counts"),
    Index("batch_owner", "account_id", "seq"),
    Index("batch_status", "status"),
    Index("batch_gone", "gone_at_ms"),
    sqlite_with_rowid=False,
)
"""``scopes`` are those of the key that made it, spaces between. ``seq`` orders batches by creation;
``root`` is the Merkle root over its tasks' records. ``lane`` is where its tasks run, NULL where its
priority says it; ``progress`` is how far a video is, in percent, NULL before an engine has it;
``salts_hashes`` is as in the key that made it, NULL for not."""

JOB_COUNT: Final = Table(
    "job_count",
    TABLES,
    Column("account_id", String, primary_key=True),
    Column("open", Integer, nullable=False),
    CheckConstraint("open > 0", name="job_count_open"),
    sqlite_with_rowid=False,
)
"""How many batches, videos and responses in the background of an account have not ended."""

BATCH_TASK: Final = Table(
    "batch_task",
    TABLES,
    Column("batch_id", String, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("completed", Boolean, nullable=False),
    Column("run_id", String, nullable=False),
    Column("digest", LargeBinary, nullable=True),
    Column("salt", LargeBinary, nullable=False),
    Column("box", LargeBinary, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    sqlite_with_rowid=False,
    info=UNCACHED,
)
"""A task that has ended; ``number`` is that of its line. The box holds its line of the output, sealed;
``digest`` is the SHA-256 of its signed record, None where nothing was charged."""

DELIVERY: Final = Table(
    "webhook_delivery",
    TABLES,
    Column("id", String, primary_key=True),
    Column("account_id", String, nullable=False),
    Column("batch_id", String, nullable=False),
    Column("type", String, nullable=False),
    Column("url", String, nullable=False),
    Column("state", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("last_status", Integer, nullable=True),
    Column("last_problem", String, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("next_at_ms", BigInteger, nullable=False),
    Column("ended_at_ms", BigInteger, nullable=True),
    Index("webhook_due", "state", "next_at_ms"),
    Index("webhook_owner", "account_id", "id"),
    sqlite_with_rowid=False,
)
"""An event for a webhook: ``due`` until it is ``delivered`` or, after a day, ``dead``."""

WEBHOOK_KEY: Final = Table(
    "webhook_key",
    TABLES,
    Column("account_id", String, primary_key=True),
    Column("serial", Integer, nullable=False),
    Column("rotated_at_ms", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""Which of an account's signing secrets is the current one. The secrets are derived, never stored."""

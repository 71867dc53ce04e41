"""The table of idempotency keys."""

from typing import Final

from sqlalchemy import BigInteger, Column, Index, LargeBinary, MetaData, String, Table

TABLES: Final = MetaData()

# ``key`` is the SHA-256 of the caller's key. ``fingerprint`` is of the tool and the request; ``salt``
# and ``box`` seal the result once the run ended, which is when the row's ``lease`` ceases to matter.
IDEMPOTENCY: Final = Table(
    "idempotency",
    TABLES,
    Column("account_id", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("fingerprint", String, nullable=False),
    Column("run_id", String, nullable=False),
    Column("lease", String, nullable=False),
    Column("salt", LargeBinary, nullable=True),
    Column("box", LargeBinary, nullable=True),
    Column("expires_at_ms", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

Index("idempotency_expires", IDEMPOTENCY.c.expires_at_ms)

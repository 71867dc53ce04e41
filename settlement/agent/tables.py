"""Who the server is in an Identity Registry."""

from typing import Final

from sqlalchemy import BigInteger, Column, MetaData, String, Table

TABLES: Final = MetaData()

# One row a registry of a chain; ``genesis`` is the hash of block 0, for a development chain may start
# anew. ``agent_id`` is a decimal string: the first one of a registry is "0".
AGENT: Final = Table(
    "agent",
    TABLES,
    Column("genesis", String, primary_key=True),
    Column("registry", String, primary_key=True),
    Column("network", String, nullable=False),
    Column("agent_id", String, nullable=False),
    Column("owner", String, nullable=False),
    Column("transaction", String, nullable=False),
    Column("registered_at_ms", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

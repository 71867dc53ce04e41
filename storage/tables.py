"""The store's own tables."""

from typing import Final

from sqlalchemy import BigInteger, Column, MetaData, String, Table

TABLES: Final = MetaData()

LEASE: Final = Table(
    "lease",
    TABLES,
    Column("id", String, primary_key=True),
    Column("process", String, nullable=False),
    Column("started_at_ms", BigInteger, nullable=False),
    Column("heartbeat_at_ms", BigInteger, nullable=False),
)
"""Processes that write here. Holds name the lease of the process that made them."""

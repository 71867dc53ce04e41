"""The table of incidents: one row for each time that a part did not serve."""

from typing import Final

from sqlalchemy import BigInteger, Column, Index, MetaData, String, Table

TABLES: Final = MetaData()

# ``component`` and ``state`` are names of ours, never a text of an engine; ``ended_at_ms`` is NULL while
# it lasts.
INCIDENT: Final = Table(
    "incident",
    TABLES,
    Column("id", String, primary_key=True),
    Column("component", String, nullable=False),
    Column("state", String, nullable=False),
    Column("began_at_ms", BigInteger, nullable=False),
    Column("ended_at_ms", BigInteger, nullable=True),
    sqlite_with_rowid=False,
)
Index("incident_began", INCIDENT.c.began_at_ms)

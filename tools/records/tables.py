"""The table of spans."""

from typing import Final

from sqlalchemy import BigInteger, Column, Index, LargeBinary, MetaData, String, Table, literal_column

TABLES: Final = MetaData()

# ``source`` is ``call`` (the span of a call of this server; ``box`` is what tools/records/calls.py tells
# of it, without any text of the caller's, and ``salt`` is empty) or ``otlp`` (one that its owner sent;
# ``salt`` and ``box`` seal it). ``place`` is its order of arrival.
SPAN: Final = Table(
    "span",
    TABLES,
    Column("account_id", String, primary_key=True),
    Column("trace_id", String, primary_key=True),
    Column("span_id", String, primary_key=True),
    Column("source", String, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("box", LargeBinary, nullable=False),
    Column("place", BigInteger, nullable=False),
    Column("expires_at_ms", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

Index("span_place", SPAN.c.account_id, SPAN.c.place)
SENT: Final = SPAN.c.source == literal_column("'otlp'")  # as the index has it
Index("span_source", SPAN.c.account_id, SPAN.c.source, sqlite_where=SENT, postgresql_where=SENT)
Index("span_expires", SPAN.c.expires_at_ms)

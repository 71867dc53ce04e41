"""The tables of stored responses, and of the pieces of those that are streamed from the background."""

from typing import Final

from sqlalchemy import BigInteger, Column, Index, LargeBinary, MetaData, String, Table

TABLES: Final = MetaData()

# ``salt`` and ``box`` seal the input items and the response. A response goes on from ``previous_id``
# ("" for none), which may be gone.
RESPONSE: Final = Table(
    "response",
    TABLES,
    Column("id", String, primary_key=True),
    Column("account_id", String, nullable=False),
    Column("previous_id", String, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("box", LargeBinary, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("expires_at_ms", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

Index("response_expires", RESPONSE.c.expires_at_ms)

# ``box`` holds, sealed, the next entries of what an engine told of a response; ``number`` orders them.
RESPONSE_PIECE: Final = Table(
    "response_piece",
    TABLES,
    Column("response_id", String, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("salt", LargeBinary, nullable=False),
    Column("box", LargeBinary, nullable=False),
    Column("expires_at_ms", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

Index("response_piece_expires", RESPONSE_PIECE.c.expires_at_ms)

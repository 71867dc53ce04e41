"""Reserved lanes: whose they are, at which price, and what was metered."""

from typing import Final

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, MetaData, String, Table

TABLES: Final = MetaData()

# ``period`` counts the hours that were paid ahead; the one that runs ends at ``period_ends_at_ms``.
# ``card_ms`` is the time of cards that stood ready, ``charged_nano_usd`` what was charged of it.
RESERVATION: Final = Table(
    "reservation",
    TABLES,
    Column("id", String, primary_key=True),
    Column("account_id", String, nullable=False),
    Column("lane", String, nullable=False),
    Column("cards", Integer, nullable=False),
    Column("nano_per_card_hour", BigInteger, nullable=False),
    Column("state", String, nullable=False),
    Column("period", Integer, nullable=False),
    Column("period_ends_at_ms", BigInteger, nullable=False),
    Column("card_ms", BigInteger, nullable=False),
    Column("charged_nano_usd", BigInteger, nullable=False),
    Column("began_at_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=True),
    Column("ended_at_ms", BigInteger, nullable=True),
    CheckConstraint("cards > 0 AND card_ms >= 0 AND charged_nano_usd >= 0", name="reservation_counts"),
    sqlite_with_rowid=False,
)
Index("reservation_account", RESERVATION.c.account_id, RESERVATION.c.id)

# A lane is one reservation's at a time.
RESERVED_LANE: Final = Table(
    "reserved_lane",
    TABLES,
    Column("lane", String, primary_key=True),
    Column("reservation_id", String, nullable=False),
    sqlite_with_rowid=False,
)

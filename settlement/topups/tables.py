"""Orders of top-ups: what was asked for, what became of it."""

from typing import Final

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, MetaData, String, Table

TABLES: Final = MetaData()

TOPUP: Final = Table(
    "topup",
    TABLES,
    Column("id", String, primary_key=True),
    Column("account_id", String, nullable=False),
    Column("source", String, nullable=False),
    Column("session_id", String, nullable=False),
    Column("payment_id", String, nullable=False),
    Column("currency", String, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("amount_nano", BigInteger, nullable=False),
    Column("refunded_minor", BigInteger, nullable=False),
    Column("state", String, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("paid_at_ms", BigInteger, nullable=True),
    CheckConstraint(
        "amount_minor > 0 AND amount_nano > 0 AND refunded_minor >= 0", name="topup_amounts"
    ),
    sqlite_with_rowid=False,
)
Index("topup_account", TOPUP.c.account_id, TOPUP.c.id)
Index("topup_payment", TOPUP.c.source, TOPUP.c.payment_id)

"""Nonces of sign-ins that were used, until they would have expired anyway."""

from typing import Final

from sqlalchemy import BigInteger, Column, Index, MetaData, String, Table

TABLES: Final = MetaData()

SIGN_IN: Final = Table(
    "sign_in",
    TABLES,
    Column("nonce", String, primary_key=True),
    Column("expires_at_ms", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
Index("sign_in_expires", SIGN_IN.c.expires_at_ms)

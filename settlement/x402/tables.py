"""The table of x402 payments: one row an authorization, from its reservation to its settlement."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

TABLES: Final = MetaData()

# Addresses and the nonce in lower case, so that one authorization has one key. ``scheme`` names the
# space of the nonce: ``exact`` is the token's own (EIP-3009), ``permit2`` is Permit2's, whatever it pays
# for. ``settles_atomic`` is what moves of a payment by ``upto``, None where all of it does. ``payload``
# is just what the payer signed, ``requirements`` the offer that was accepted, both JSON. ``salt`` and
# ``box`` hold the sealed result until ``result_expires_at_ms``.
PAYMENT: Final = Table(
    "payment",
    TABLES,
    Column("scheme", String, primary_key=True),
    Column("network", String, primary_key=True),
    Column("asset", String, primary_key=True),
    Column("payer", String, primary_key=True),
    Column("nonce", String, primary_key=True),
    Column("identifier", String, nullable=True),
    Column("run_id", String, nullable=False, unique=True),
    Column("state", String, nullable=False),
    Column("flow", String, nullable=False),
    Column("tool", String, nullable=False),
    Column("resource", String, nullable=False),
    Column("request_hash", String, nullable=False),
    Column("payload", Text, nullable=False),
    Column("requirements", Text, nullable=False),
    Column("amount_atomic", BigInteger, nullable=False),
    Column("settles_atomic", BigInteger, nullable=True),
    Column("max_nano_usd", BigInteger, nullable=False),
    Column("charged_nano_usd", BigInteger, nullable=False),
    Column("transaction_hash", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("salt", LargeBinary, nullable=True),
    Column("box", LargeBinary, nullable=True),
    Column("result_expires_at_ms", BigInteger, nullable=True),
    Column("lease", String, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("updated_at_ms", BigInteger, nullable=False),
    CheckConstraint("amount_atomic > 0 AND charged_nano_usd >= 0", name="payment_amounts"),
    sqlite_with_rowid=False,
)

# What a payer names a request by (extension payment-identifier), for as long as its payment is there.
PAYMENT_IDENTIFIER: Final = Table(
    "payment_identifier",
    TABLES,
    Column("network", String, primary_key=True),
    Column("payer", String, primary_key=True),
    Column("identifier", String, primary_key=True),
    Column("run_id", String, nullable=False),
    sqlite_with_rowid=False,
)

Index("payment_state", PAYMENT.c.state)
Index("payment_updated", PAYMENT.c.updated_at_ms)
Index("payment_result_expires", PAYMENT.c.result_expires_at_ms)

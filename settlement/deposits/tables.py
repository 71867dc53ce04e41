"""Deposits of USDC: whose address is whose, what came in, and how far each chain was read."""

from typing import Final

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, MetaData, String, Table

TABLES: Final = MetaData()

# ``root`` is the extended key that an address comes from: with another one an account gets another
# address, and what is sent to the old one still counts. Addresses are in lower case.
DEPOSIT_ADDRESS: Final = Table(
    "deposit_address",
    TABLES,
    Column("root", String, primary_key=True),
    Column("account_id", String, primary_key=True),
    Column("address", String, nullable=False, unique=True),
    Column("path", String, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# One transfer. ``genesis`` is the hash of block 0: a development chain may start anew. ``position`` is
# that of the event among those of its transaction, which stays when a reorganisation moves it to
# another block. ``generation`` counts how often it was taken back, ``taken_back`` is the last posting
# that did.
DEPOSIT: Final = Table(
    "deposit",
    TABLES,
    Column("network", String, primary_key=True),
    Column("genesis", String, primary_key=True),
    Column("transaction_hash", String, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("account_id", String, nullable=False),
    Column("address", String, nullable=False),
    Column("payer", String, nullable=False),
    Column("amount_atomic", BigInteger, nullable=False),
    Column("block", BigInteger, nullable=False),
    Column("block_hash", String, nullable=False),
    Column("state", String, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("taken_back", String, nullable=False),
    Column("seen_at_ms", BigInteger, nullable=False),
    Column("credited_at_ms", BigInteger, nullable=True),
    CheckConstraint("amount_atomic > 0", name="deposit_amount"),
    sqlite_with_rowid=False,
)

# Every block up to ``block`` was read when it had its confirmations; ``block_hash`` tells, as hashes
# are chained, that none of them was replaced since.
DEPOSIT_CURSOR: Final = Table(
    "deposit_cursor",
    TABLES,
    Column("network", String, primary_key=True),
    Column("genesis", String, primary_key=True),
    Column("block", BigInteger, nullable=False),
    Column("block_hash", String, nullable=False),
    sqlite_with_rowid=False,
)

Index("deposit_account", DEPOSIT.c.account_id, DEPOSIT.c.seen_at_ms)
Index("deposit_state", DEPOSIT.c.network, DEPOSIT.c.genesis, DEPOSIT.c.state, DEPOSIT.c.block)

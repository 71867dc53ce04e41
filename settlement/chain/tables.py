"""The journal of transactions: each is here, signed, before any node has seen it."""

from typing import Final

from sqlalchemy import BigInteger, Column, Index, LargeBinary, MetaData, String, Table, Text

TABLES: Final = MetaData()

# ``ref`` says what it is for, once and for all. ``genesis`` is the hash of block 0: a development chain
# may start anew under the same network id. ``state`` is signed or mined. ``earlier`` holds the hashes
# of the versions that this one replaced at a higher fee: any of them may be the one in a block.
# ``cost_gwei`` is the most that it may cost, and what it did cost once it is mined; ``sent_at_ms`` its
# last sending.
CHAIN_TX: Final = Table(
    "chain_tx",
    TABLES,
    Column("ref", String, primary_key=True),
    Column("network", String, nullable=False),
    Column("genesis", String, nullable=False),
    Column("sender", String, nullable=False),
    Column("nonce", BigInteger, nullable=False),
    Column("hash", String, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("state", String, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("earlier", Text, nullable=True),
    Column("cost_gwei", BigInteger, nullable=False, server_default="0"),
    Column("sent_at_ms", BigInteger, nullable=False, server_default="0"),
    sqlite_with_rowid=False,
)

Index("chain_tx_nonce", CHAIN_TX.c.genesis, CHAIN_TX.c.sender, CHAIN_TX.c.nonce, unique=True)

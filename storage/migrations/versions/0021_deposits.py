"""Deposits of USDC."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "deposit_address",
        sa.Column("root", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False, unique=True),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("root", "account_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "deposit",
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("genesis", sa.String(), nullable=False),
        sa.Column("transaction_hash", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("payer", sa.String(), nullable=False),
        sa.Column("amount_atomic", sa.BigInteger(), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("block_hash", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("taken_back", sa.String(), nullable=False),
        sa.Column("seen_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("credited_at_ms", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("amount_atomic > 0", name="deposit_amount"),
        sa.PrimaryKeyConstraint("network", "genesis", "transaction_hash", "position"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "deposit_cursor",
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("genesis", sa.String(), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("block_hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("network", "genesis"),
        sqlite_with_rowid=False,
    )
    op.create_index("deposit_account", "deposit", ["account_id", "seen_at_ms"])
    op.create_index("deposit_state", "deposit", ["network", "genesis", "state", "block"])

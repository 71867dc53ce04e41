"""Reserved lanes: cards of an account, metered by the hour."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reservation",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("lane", sa.String(), nullable=False),
        sa.Column("cards", sa.Integer(), nullable=False),
        sa.Column("nano_per_card_hour", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("period", sa.Integer(), nullable=False),
        sa.Column("period_ends_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("card_ms", sa.BigInteger(), nullable=False),
        sa.Column("charged_nano_usd", sa.BigInteger(), nullable=False),
        sa.Column("began_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=True),
        sa.Column("ended_at_ms", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "cards > 0 AND card_ms >= 0 AND charged_nano_usd >= 0", name="reservation_counts"
        ),
        sqlite_with_rowid=False,
    )
    op.create_index("reservation_account", "reservation", ["account_id", "id"])
    op.create_table(
        "reserved_lane",
        sa.Column("lane", sa.String(), primary_key=True),
        sa.Column("reservation_id", sa.String(), nullable=False),
        sqlite_with_rowid=False,
    )

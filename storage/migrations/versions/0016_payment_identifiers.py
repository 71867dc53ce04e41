"""Payers name their requests."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("payment", sa.Column("identifier", sa.String(), nullable=True))
    op.create_table(
        "payment_identifier",
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("payer", sa.String(), nullable=False),
        sa.Column("identifier", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("network", "payer", "identifier"),
        sqlite_with_rowid=False,
    )

"""Payments keep what moves where that is less than what was signed."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("payment", sa.Column("settles_atomic", sa.BigInteger(), nullable=True))

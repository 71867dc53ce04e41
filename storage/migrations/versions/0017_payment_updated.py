"""Payments are found by when they changed last."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("payment_updated", "payment", ["updated_at_ms"])

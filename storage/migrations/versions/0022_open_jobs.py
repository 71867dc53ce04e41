"""How many jobs of an account have not ended, counted from those that there are."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "job_count",
        sa.Column("account_id", sa.String(), primary_key=True),
        sa.Column("open", sa.Integer(), nullable=False),
        sa.CheckConstraint("open > 0", name="job_count_open"),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO job_count (account_id, open) SELECT account_id, count(*) FROM batch "
        "WHERE status IN ('validating', 'in_progress', 'cancelling', 'finalizing') GROUP BY account_id"
    )

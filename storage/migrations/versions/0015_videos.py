"""Jobs tell how far they are and in which lane they run: videos are jobs."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("batch", sa.Column("lane", sa.String(), nullable=True))
    op.add_column("batch", sa.Column("progress", sa.Integer(), nullable=True))

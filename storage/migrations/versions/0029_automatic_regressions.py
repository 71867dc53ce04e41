"""A prompt may say how each new version of it is replayed by itself."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("prompt") as table:
        table.add_column(sa.Column("automatic", sa.String(), nullable=True))

"""Whether a key may stream responses."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("api_key") as table:
        table.add_column(
            sa.Column("streams_responses", sa.Boolean(), nullable=False, server_default=sa.true())
        )

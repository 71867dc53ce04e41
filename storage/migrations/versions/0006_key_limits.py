"""Keys are limited in tokens a minute and in calls at once too."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("api_key") as table:
        table.add_column(sa.Column("rate_limit_tpm", sa.Integer(), nullable=True))
        table.add_column(sa.Column("max_concurrency", sa.Integer(), nullable=True))

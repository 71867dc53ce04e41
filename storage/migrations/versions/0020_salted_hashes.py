"""Whether the records of a key's calls hold salted hashes."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("api_key") as table:
        table.add_column(
            sa.Column("salts_hashes", sa.Boolean(), nullable=False, server_default=sa.false())
        )
    op.add_column("batch", sa.Column("salts_hashes", sa.Boolean(), nullable=True))

"""The journal of transactions knows replaced versions and what they cost."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("chain_tx") as table:
        table.add_column(sa.Column("earlier", sa.Text(), nullable=True))
        for name in ("cost_gwei", "sent_at_ms"):
            table.add_column(sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))

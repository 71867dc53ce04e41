"""The runs of an account are found without reading everybody's."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("usage_account", "usage", ["account_id", "run_id"], unique=False)

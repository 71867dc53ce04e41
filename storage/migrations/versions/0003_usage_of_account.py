"""An index of the runs of an account, in the order of their ids: of time."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("usage_of_account", "usage", ["account_id", "run_id"])

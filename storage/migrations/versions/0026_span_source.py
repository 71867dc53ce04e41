"""How many spans an account sent is counted on an index alone."""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("span_source", "span", ["account_id", "source"])

"""Only spans that were sent are in the index that counts them: calls pay for one index less."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("span_source", "span")
    sent = sa.text("source = 'otlp'")
    op.create_index(
        "span_source", "span", ["account_id", "source"], sqlite_where=sent, postgresql_where=sent
    )

"""Tasks: calls that go on without their request."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "task",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("tool", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("lease", sa.String(), nullable=False),
        sa.Column("cancelling", sa.Boolean(), nullable=False),
        sa.Column("pending", sa.Integer(), nullable=False),
        sa.Column("call_salt", sa.LargeBinary(), nullable=True),
        sa.Column("call_box", sa.LargeBinary(), nullable=True),
        sa.Column("content_salt", sa.LargeBinary(), nullable=True),
        sa.Column("content_box", sa.LargeBinary(), nullable=True),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("pending >= 0", name="task_pending"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_with_rowid=False,
    )
    op.create_index("task_status", "task", ["status", "lease"], unique=False)
    op.create_index("task_expires", "task", ["expires_at_ms"], unique=False)
    op.create_table(
        "task_input",
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("request_salt", sa.LargeBinary(), nullable=False),
        sa.Column("request_box", sa.LargeBinary(), nullable=False),
        sa.Column("response_salt", sa.LargeBinary(), nullable=True),
        sa.Column("response_box", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("task", "name"),
        sqlite_with_rowid=False,
    )

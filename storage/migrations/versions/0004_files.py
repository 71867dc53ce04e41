"""Files of callers, and the space that each account uses."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "file",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("filename", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("object", sa.String(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("pins", sa.Integer(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("gone_at_ms", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("size >= 0 AND pins >= 0", name="file_counts"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_with_rowid=False,
    )
    op.create_index("file_owner", "file", ["account_id", "id"], unique=False)
    op.create_index("file_object", "file", ["object"], unique=False)
    op.create_index("file_gone", "file", ["gone_at_ms"], unique=False)
    op.create_table(
        "file_space",
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("files", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("files >= 0 AND bytes >= 0", name="file_space_counts"),
        sa.PrimaryKeyConstraint("account_id"),
        sqlite_with_rowid=False,
    )

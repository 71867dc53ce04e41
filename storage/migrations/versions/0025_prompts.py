"""Prompts: their versions, samples, trials and outcomes; keys that opt in; usage by prompt version."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "prompt",
        sa.Column("account_id", sa.String(), primary_key=True),
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("promoted", sa.String(), nullable=True),
        sa.Column("trail", sa.String(), nullable=False),
        sa.Column("split_id", sa.String(), nullable=True),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "prompt_version",
        sa.Column("account_id", sa.String(), primary_key=True),
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("version", sa.String(), primary_key=True),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("box", sa.LargeBinary(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "prompt_sample",
        sa.Column("account_id", sa.String(), primary_key=True),
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("slot", sa.BigInteger(), primary_key=True),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("box", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("prompt_sample_expires", "prompt_sample", ["expires_at_ms"])
    op.create_table(
        "prompt_trial",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("baseline", sa.String(), nullable=False),
        sa.Column("candidate", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("promotion", sa.String(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("result", sa.String(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("box", sa.LargeBinary(), nullable=False),
        sa.Column("batch_id", sa.String(), nullable=True),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_at_ms", sa.BigInteger(), nullable=True),
        sqlite_with_rowid=False,
    )
    op.create_index("prompt_trial_account", "prompt_trial", ["account_id", "id"])
    op.create_index("prompt_trial_status", "prompt_trial", ["status"])
    op.create_table(
        "prompt_outcome",
        sa.Column("trial_id", sa.String(), primary_key=True),
        sa.Column("run_id", sa.String(), primary_key=True),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("good", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "usage_prompt",
        "usage",
        ["account_id", "prompt_version", "started_at_ms"],
        sqlite_where=sa.text("prompt_version <> 'default'"),
    )
    with op.batch_alter_table("api_key") as table:
        table.add_column(
            sa.Column("keeps_samples", sa.Boolean(), nullable=False, server_default=sa.false())
        )

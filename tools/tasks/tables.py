"""The tables of tasks: one row a task, one row for each thing that a task asks of its caller."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
)

TABLES: Final = MetaData()

# ``id`` is the SHA-256 of the id that the caller holds, ``owner`` its account ("" without one: who knows
# the id may ask). ``call_*`` seal the call until it ended, ``content_*`` its output or how it ended.
TASK: Final = Table(
    "task",
    TABLES,
    Column("id", String, primary_key=True),
    Column("owner", String, nullable=False),
    Column("tool", String, nullable=False),
    Column("run_id", String, nullable=False),
    Column("status", String, nullable=False),
    Column("message", String, nullable=False),
    Column("lease", String, nullable=False),
    Column("cancelling", Boolean, nullable=False),
    Column("pending", Integer, nullable=False),
    Column("call_salt", LargeBinary, nullable=True),
    Column("call_box", LargeBinary, nullable=True),
    Column("content_salt", LargeBinary, nullable=True),
    Column("content_box", LargeBinary, nullable=True),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("updated_at_ms", BigInteger, nullable=False),
    Column("expires_at_ms", BigInteger, nullable=False),
    CheckConstraint("pending >= 0", name="task_pending"),
    sqlite_with_rowid=False,
)

TASK_INPUT: Final = Table(
    "task_input",
    TABLES,
    Column("task", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("request_salt", LargeBinary, nullable=False),
    Column("request_box", LargeBinary, nullable=False),
    Column("response_salt", LargeBinary, nullable=True),
    Column("response_box", LargeBinary, nullable=True),
    sqlite_with_rowid=False,
)

Index("task_status", TASK.c.status, TASK.c.lease)
Index("task_expires", TASK.c.expires_at_ms)

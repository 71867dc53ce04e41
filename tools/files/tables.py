"""Tables of files: what was uploaded or made for whom, and how much each account keeps."""

from typing import Final

from sqlalchemy import (
    BigInteger,
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

FILE: Final = Table(
    "file",
    TABLES,
    Column("id", String, primary_key=True),
    Column("account_id", String, nullable=False),
    Column("purpose", String, nullable=False),
    Column("filename", String, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("object", String, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("pins", Integer, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("gone_at_ms", BigInteger, nullable=False),
    CheckConstraint("size >= 0 AND pins >= 0", name="file_counts"),
    Index("file_owner", "account_id", "id"),
    Index("file_object", "object"),
    Index("file_gone", "gone_at_ms"),
    sqlite_with_rowid=False,
)
"""``object`` names the sealed content in the object storage, ``salt`` makes its key. From ``gone_at_ms``
on the file is nobody's any more; its bytes stay while jobs that read it (``pins``) still run."""

FILE_SPACE: Final = Table(
    "file_space",
    TABLES,
    Column("account_id", String, primary_key=True),
    Column("files", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    CheckConstraint("files >= 0 AND bytes >= 0", name="file_space_counts"),
    sqlite_with_rowid=False,
)
"""What each account keeps; counted in the same commits that add and remove files."""

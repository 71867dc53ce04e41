"""Brings a database to the schema of this version, or refuses one of a newer version."""

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from storage.backup import copy_database
from storage.revisions import newest
from storage.sqlite_connector import connect

_MIGRATIONS: Final = Path(__file__).parent / "migrations"


class MigrationError(Exception):
    """A database that this version can't use or upgrade; the message says what to do."""


def upgrade(path: Path, versions: Path = _MIGRATIONS / "versions") -> None:
    """Make the database, or bring it to the newest schema; blocking, so call it in a thread.

    A database that exists is copied to ``backups/`` beside it before it is changed; the steps are one
    transaction. Raises MigrationError when it is of a newer version, is damaged or can't be changed.
    """
    try:
        _create(path)
        current = _revision(path)
        if current is not None:
            if current == newest(versions):
                return
            _require_known(path, current, versions)
            copy_database(path, _backup_name(path, current))
        _run(path, versions)
    except (OSError, sqlite3.Error, SQLAlchemyError) as error:
        raise MigrationError(f"The database {path} can't be opened or upgraded: {error}.") from error


def _create(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _revision(path: Path) -> str | None:
    """The revision that the database is at; None when it is new."""
    with closing(connect(path)) as connection:
        tables = {
            name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        }
        if not tables:
            return None
        if "alembic_version" not in tables:
            raise MigrationError(f"The file {path} is a database, but not one of batchin: move it away.")
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return str(row[0]) if row else None


def _require_known(path: Path, current: str, versions: Path) -> None:
    from alembic.script import ScriptDirectory

    script = ScriptDirectory(str(_MIGRATIONS), version_locations=[str(versions)])
    if current not in {step.revision for step in script.walk_revisions()}:
        raise MigrationError(
            f"The database {path} belongs to a newer version of batchin (schema {current}). "
            "Install that version, or start from a backup that this version made."
        )


def _backup_name(path: Path, revision: str) -> Path:
    made = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    return path.parent / "backups" / f"{path.stem}-{revision}-{made}{path.suffix}"


def _run(path: Path, versions: Path) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("path_separator", "newline")
    config.set_main_option("script_location", _escaped(_MIGRATIONS))
    config.set_main_option("version_locations", _escaped(versions))
    engine = create_engine("sqlite://", creator=lambda: connect(path))
    event.listen(engine, "begin", _begin)
    try:
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
    finally:
        engine.dispose()


def _begin(connection: Connection) -> None:
    """The driver itself begins no transaction for DDL: a failed step would leave half of it."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _escaped(path: Path) -> str:
    return str(path).replace("%", "%%")

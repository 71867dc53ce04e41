"""Upgrades of a database: complete or not at all, with a copy of what was."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from storage.migrate import MigrationError, upgrade

_STEP = """
import sqlalchemy as sa
from alembic import op

revision = {revision!r}
down_revision = {before!r}

def upgrade() -> None:
    {body}
"""


@pytest.fixture
def versions(tmp_path: Path) -> Path:
    folder = tmp_path / "ver sions, 100%"
    folder.mkdir()
    add_step(
        folder, "0001", None, "op.create_table('pet', sa.Column('id', sa.String, primary_key=True))"
    )
    return folder


def add_step(folder: Path, revision: str, before: str | None, body: str) -> None:
    step = _STEP.format(revision=revision, before=before, body=body)
    (folder / f"{revision}_step.py").write_text(step)


def run(path: Path, text: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return connection.execute(text).fetchall()


def test_a_new_database_is_made_without_a_backup(tmp_path: Path, versions: Path) -> None:
    path = tmp_path / "data" / "batchin.db"
    upgrade(path, versions)
    assert run(path, "SELECT * FROM pet") == []
    assert path.stat().st_mode & 0o777 == 0o600
    assert not (path.parent / "backups").exists()


def test_a_second_upgrade_changes_nothing(tmp_path: Path, versions: Path) -> None:
    path = tmp_path / "batchin.db"
    upgrade(path, versions)
    before = path.read_bytes()
    upgrade(path, versions)
    assert path.read_bytes() == before
    assert not (tmp_path / "backups").exists()


def test_an_existing_database_is_copied_before_it_is_changed(tmp_path: Path, versions: Path) -> None:
    path = tmp_path / "batchin.db"
    upgrade(path, versions)
    run(path, "INSERT INTO pet VALUES ('rex')")
    add_step(versions, "0002", "0001", "op.add_column('pet', sa.Column('age', sa.BigInteger))")
    upgrade(path, versions)
    assert run(path, "SELECT id, age FROM pet") == [("rex", None)]
    (copy,) = (tmp_path / "backups").iterdir()
    assert run(copy, "SELECT * FROM pet") == [("rex",)]
    assert copy.stat().st_mode & 0o777 == 0o600


def test_a_step_that_fails_leaves_the_database_as_it_was(tmp_path: Path, versions: Path) -> None:
    path = tmp_path / "batchin.db"
    upgrade(path, versions)
    add_step(versions, "0002", "0001", "op.create_table('toy', sa.Column('id', sa.String))")
    add_step(
        versions, "0003", "0002", "op.execute('INSERT INTO toy VALUES (1)'); op.execute('DROP TABLE no')"
    )
    with pytest.raises(MigrationError, match="no such table"):
        upgrade(path, versions)
    assert run(path, "SELECT version_num FROM alembic_version") == [("0001",)]
    assert run(path, "SELECT count(*) FROM sqlite_schema WHERE name = 'toy'") == [(0,)]


def test_a_database_of_a_newer_version_is_refused_and_kept(tmp_path: Path, versions: Path) -> None:
    path = tmp_path / "batchin.db"
    upgrade(path, versions)
    run(path, "UPDATE alembic_version SET version_num = '0009'")
    with pytest.raises(MigrationError, match=r"newer version of batchin \(schema 0009\)"):
        upgrade(path, versions)
    assert run(path, "SELECT version_num FROM alembic_version") == [("0009",)]


@pytest.mark.parametrize("content", [b"not a database at all, and long enough to show it" * 40])
def test_a_damaged_file_is_refused_and_kept(tmp_path: Path, versions: Path, content: bytes) -> None:
    path = tmp_path / "batchin.db"
    path.write_bytes(content)
    with pytest.raises(MigrationError, match=r"batchin\.db"):
        upgrade(path, versions)
    assert path.read_bytes() == content


def test_somebody_elses_database_is_refused(tmp_path: Path, versions: Path) -> None:
    path = tmp_path / "batchin.db"
    run(path, "CREATE TABLE theirs (id)")
    with pytest.raises(MigrationError, match="not one of batchin"):
        upgrade(path, versions)


def test_the_steps_of_this_version_make_a_database(tmp_path: Path) -> None:
    upgrade(tmp_path / "batchin.db")
    upgrade(tmp_path / "batchin.db")

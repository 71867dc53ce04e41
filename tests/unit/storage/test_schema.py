"""The migrations make exactly the tables that the packages declare."""

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, create_engine

from server.tables import TABLES
from storage.migrate import upgrade
from storage.tables import TABLES as STORE


def test_a_migrated_database_is_what_the_packages_declare(tmp_path: Path) -> None:
    declared = MetaData()
    for tables in (STORE, *TABLES):
        for table in tables.sorted_tables:
            table.to_metadata(declared)
    path = tmp_path / "batchin.db"
    upgrade(path)
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, declared) == []
    engine.dispose()

"""The newest revision, found without Alembic, is the one that Alembic finds."""

import subprocess
import sys
from pathlib import Path

from alembic.script import ScriptDirectory

import storage.migrate
from storage.migrate import upgrade
from storage.revisions import newest

MIGRATIONS = Path(storage.migrate.__file__).parent / "migrations"


def step(folder: Path, revision: str, stated: str) -> None:
    (folder / f"{revision}.py").write_text(f'"""A step."""\n\nrevision = "{revision}"\n{stated}\n')


def test_it_is_alembics() -> None:
    script = ScriptDirectory(str(MIGRATIONS), version_locations=[str(MIGRATIONS / "versions")])
    assert newest(MIGRATIONS / "versions") == script.get_current_head()


def test_it_ends_a_chain_or_a_merge(tmp_path: Path) -> None:
    step(tmp_path, "b", 'down_revision: str | None = "a"')
    step(tmp_path, "a", "down_revision = None")
    assert newest(tmp_path) == "b"
    step(tmp_path, "c", 'down_revision = "a"')
    assert newest(tmp_path) is None
    step(tmp_path, "d", 'down_revision = ("b", "c")')
    assert newest(tmp_path) == "d"


def test_nothing_is_none(tmp_path: Path) -> None:
    (tmp_path / "__init__.py").write_text('"""No step."""\n')
    assert newest(tmp_path) is None


def test_a_current_database_opens_without_alembic(tmp_path: Path) -> None:
    path = tmp_path / "batchin.db"
    upgrade(path)
    program = (
        "import sys; from pathlib import Path; from storage.migrate import upgrade; "
        f"upgrade(Path({str(path)!r})); print('alembic' in sys.modules)"
    )
    root = MIGRATIONS.parent.parent
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True
    )
    assert ran.stdout == "False\n"

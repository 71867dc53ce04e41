"""The newest schema revision, told by the files of the migrations: Alembic is loaded only to migrate."""

import ast
import re
from pathlib import Path
from typing import Final

_STATED: Final = re.compile(r"^(revision|down_revision)\b[^=\n]*=\s*(.+)$", re.MULTILINE)


def newest(versions: Path) -> str | None:
    """The one revision that no other follows; None where Alembic must judge: several, or none."""
    revisions: set[str] = set()
    followed: set[str] = set()
    for step in versions.glob("*.py"):
        stated = {name: ast.literal_eval(value) for name, value in _STATED.findall(step.read_text())}
        if "revision" not in stated:
            continue
        revisions.add(stated["revision"])
        before = stated.get("down_revision")
        followed.update((before,) if isinstance(before, str) else before or ())
    heads = revisions - followed
    return heads.pop() if len(heads) == 1 else None

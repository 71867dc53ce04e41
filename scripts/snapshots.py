"""Freezes what each tool asks and answers: writes tests/contract/snapshots/, or says why it must not.

Programs are written against a tool's schemas. A change that they could notice (anything but words and
pictures) raises the ``version`` of its Tool; a test fails until the version and the snapshot follow.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from manifests.facts import Facts
from manifests.tools import tool_entry
from scripts.render import standard
from tools.core import AnyTool, Registry

SNAPSHOTS = Path(__file__).resolve().parent.parent / "tests" / "contract" / "snapshots"
REFRESH = "run .venv/bin/python -m scripts.snapshots"
_WORDS = frozenset({"title", "description", "examples"})
_BY_NAME = frozenset({"properties", "$defs", "patternProperties"})

Snapshot = Mapping[str, Any]


def snapshot(tool: AnyTool, facts: Facts) -> Snapshot:
    """A tool as tools/list shows it, without its price, which differs by server, and its icon."""
    entry = tool_entry(tool, facts)
    shown = {name: value for name, value in entry.items() if name not in ("_meta", "icons")}
    return {**shown, "aliases": list(tool.aliases), "version": tool.version}


def complaints(registry: Registry, facts: Facts, folder: Path) -> Iterator[str]:
    """Why the snapshots in a folder are not those of these tools, a sentence a tool."""
    now = {tool.name: snapshot(tool, facts) for tool in registry}
    for name in sorted({file.stem for file in folder.glob("*.json")} - now.keys()):
        yield f"The tool {name} is gone: {REFRESH}."
    for name, new in now.items():
        old = _frozen(folder, name)
        if old is None:
            yield f"The tool {name} has no snapshot: {REFRESH}."
        elif must_be_raised(old, new):
            yield (
                f"The tool {name} asks or answers something else under the same version: set version="
                f"{old['version'] + 1} in its Tool, then {REFRESH}."
            )
        elif old != new:
            yield f"The snapshot of the tool {name} is stale: {REFRESH}."


def must_be_raised(old: Snapshot, new: Snapshot) -> bool:
    """Whether a program could notice the change and its version does not tell it."""
    changed = wordless({**old, "version": 0}) != wordless({**new, "version": 0})
    return bool(new["version"] < old["version"] or (changed and new["version"] == old["version"]))


def wordless(value: Any) -> Any:
    """A schema without what is only for readers; a property may well be named title."""
    if isinstance(value, list):
        return [wordless(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    return {
        key: {name: wordless(item) for name, item in entry.items()}
        if key in _BY_NAME
        else wordless(entry)
        for key, entry in value.items()
        if key not in _WORDS
    }


def refresh(registry: Registry, facts: Facts, folder: Path) -> list[str]:
    """Write what may be written; the complaints that a version has to answer."""
    folder.mkdir(exist_ok=True)
    now = {tool.name: snapshot(tool, facts) for tool in registry}
    refused = []
    for name, new in now.items():
        old = _frozen(folder, name)
        if old is not None and must_be_raised(old, new):
            refused.append(f"{name}: set version={old['version'] + 1} in its Tool first.")
            continue
        (folder / f"{name}.json").write_text(json.dumps(new, indent=2) + "\n")
    for file in folder.glob("*.json"):
        if file.stem not in now:
            file.unlink()
    return refused


def _frozen(folder: Path, name: str) -> Snapshot | None:
    file = folder / f"{name}.json"
    if not file.exists():
        return None
    frozen: Snapshot = json.loads(file.read_text())
    return frozen


def main() -> int:
    of = standard()
    refused = refresh(of.registry, of.facts, SNAPSHOTS)
    print("\n".join(refused), end="\n" if refused else "")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())

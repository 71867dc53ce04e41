"""The root folders are import packages: their names are ours, what they import is declared."""

import ast
import importlib
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES: list[str] = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
LOCKED_EXTRAS = ("local", "devchain", "speech", "stt", "topups", "dev")

USED_EXTRAS = ("local", "devchain", "speech", "stt", "topups")


def declared(*extras: str) -> list[Requirement]:
    project = PROJECT["project"]
    lines = [*project["dependencies"]]
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    return [Requirement(line) for line in lines]


def locked(lock: str = "requirements.lock") -> Iterator[tuple[Requirement, list[str]]]:
    """Each requirement of a lock with its hashes."""
    for entry in (ROOT / lock).read_text().replace("\\\n", "").splitlines():
        if entry and not entry.lstrip().startswith("#"):
            requirement, *hashes = entry.split("--hash=")
            yield Requirement(requirement.strip()), [text.strip() for text in hashes]


def imported(package: str) -> set[str]:
    """Top-level names that a package imports anywhere, lazily or not."""
    names: set[str] = set()
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.partition(".")[0])
    return names


@pytest.mark.parametrize("package", PACKAGES)
def test_the_package_that_is_imported_is_ours(package: str) -> None:
    file = importlib.import_module(package).__file__
    assert file is not None
    assert Path(file).is_relative_to(ROOT)


def test_no_other_distribution_owns_our_names() -> None:
    owners = metadata.packages_distributions()
    assert {name: set(owners.get(name, [])) - {"batchin"} for name in PACKAGES} == {
        name: set() for name in PACKAGES
    }


@pytest.mark.parametrize("package", PACKAGES)
def test_every_folder_with_code_is_a_package(package: str) -> None:
    folders = {path.parent for path in (ROOT / package).rglob("*.py")}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").exists()] == []


def test_every_import_is_declared() -> None:
    owners = metadata.packages_distributions()
    allowed = {canonicalize_name(requirement.name) for requirement in declared(*USED_EXTRAS)}
    allowed.add(canonicalize_name("openai"))
    foreign = set().union(*map(imported, PACKAGES)) - sys.stdlib_module_names - set(PACKAGES)
    undeclared = {
        name
        for name in foreign
        if not allowed & {canonicalize_name(owner) for owner in owners.get(name, [])}
    }
    assert undeclared == set()


def test_the_lock_covers_every_declared_dependency() -> None:
    versions = {
        canonicalize_name(requirement.name): str(requirement.specifier).removeprefix("==")
        for requirement, _ in locked()
        if requirement.marker is None or requirement.marker.evaluate()
    }
    missing = [
        str(requirement)
        for requirement in declared(*LOCKED_EXTRAS)
        if not requirement.specifier.contains(
            versions.get(canonicalize_name(requirement.name), "0"), prereleases=True
        )
    ]
    assert missing == []


@pytest.mark.parametrize(
    "lock", ["requirements.lock", "runtime/sglang/cpu.lock", "runtime/sglang/gpu.lock"]
)
def test_a_lock_pins_by_version_and_hash_and_names_no_registry(lock: str) -> None:
    entries = list(locked(lock))
    assert len(entries) > 100
    for requirement, hashes in entries:
        assert str(requirement.specifier).startswith("=="), requirement
        assert hashes, requirement
        assert all(text.startswith("sha256:") for text in hashes), requirement
    assert "://" not in (ROOT / lock).read_text()


@pytest.mark.parametrize("build", ["cpu", "gpu"])
def test_the_lock_of_sglang_names_the_version_that_is_declared(build: str) -> None:
    lock = f"runtime/sglang/{build}.lock"
    pinned = {requirement.name: str(requirement) for requirement, _ in locked(lock)}
    assert [pinned["sglang"]] == PROJECT["project"]["optional-dependencies"]["sglang"]
    assert pinned["torch"].endswith("+cpu") == (build == "cpu")

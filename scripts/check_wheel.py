"""Builds the wheel, installs it in an environment of its own and imports every module from there.

The dependencies come from .venv by a path entry, which does not process the editable install in
it: what is imported is what the wheel holds.
"""

import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

_NOT_IMPORTED = {"migrations", "content"}
IMPORTS = """
import importlib, sys
from pathlib import Path
for name in sys.argv[1:]:
    module = importlib.import_module(name)
    assert Path(module.__file__).is_relative_to(sys.prefix), module.__file__
print(f"{len(sys.argv) - 1} modules import from the installed wheel")
"""

PAGES = """
from server.pages.language import Language
from server.site.library import Library
from server.site.sources import sources
library = Library(sources(), "https://agents.example")
assert library.view("quickstart", Language.ENGLISH), "the documentation is not in the wheel"
print(f"{len(library.index(Language.CHINESE))} sections of the documentation are in the wheel")
"""


def build(target: Path) -> Path:
    """Builds the wheel the way that pip would, with the backend that is installed already."""
    subprocess.run(
        [sys.executable, "-P", "-m", "build", "--wheel", "--no-isolation", "-o", target, ROOT],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return next(target.glob("*.whl"))


def modules(wheel: Path) -> list[str]:
    """Names of the modules that a wheel holds; a migration is run by Alembic and a program of the
    documentation is shown: neither is imported."""
    with zipfile.ZipFile(wheel) as archive:
        paths = [Path(name) for name in archive.namelist() if name.endswith(".py")]
    names = [path.parent if path.name == "__init__.py" else path.with_suffix("") for path in paths]
    return [".".join(name.parts) for name in names if not _NOT_IMPORTED & set(name.parts)]


def install(wheel: Path, venv: Path) -> Path:
    """Makes an environment that holds the wheel and sees the dependencies of this one."""
    subprocess.run([sys.executable, "-P", "-m", "venv", venv], check=True)
    python = venv / "bin" / "python"
    subprocess.run(
        [python, "-P", "-m", "pip", "install", "-q", "--no-deps", "--no-index", wheel],
        check=True,
    )
    site = next((venv / "lib").glob("python3.*")) / "site-packages"
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        wheel = build(Path(folder))
        python = install(wheel, Path(folder, "venv"))
        subprocess.run([python, "-P", "-c", IMPORTS, *modules(wheel)], check=True, cwd=folder)
        subprocess.run([python.parent / "batchin", "--help"], check=True, cwd=folder)
        subprocess.run([python, "-P", "-c", PAGES], check=True, cwd=folder)


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(
            f"The installed wheel does not work: a step of the check ended with {error.returncode}."
        )

"""Where SGLang is installed: an environment of its own in the cache folder."""

import json
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Final, Literal

Build = Literal["cpu", "gpu"]
BUILDS: Final[tuple[Build, ...]] = ("gpu", "cpu")


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment. Its state file is written last: without it it is unfinished."""

    folder: Path
    build: Build
    version: str

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def state_file(self) -> Path:
        return self.folder / "batchin.json"

    @property
    def log(self) -> Path:
        """What pip said."""
        return self.folder.with_name(f"{self.folder.name}.log")

    def state(self) -> dict[str, Any]:
        """What was installed: ``sglang``, ``build``, ``digest``, ``python``; empty when unfinished."""
        try:
            read = json.loads(self.state_file.read_text())
        except (OSError, ValueError):
            return {}
        return read if isinstance(read, dict) else {}

    def installed(self) -> bool:
        """Whether it is whole; whether it is the newest that this version would install is not asked."""
        return bool(self.state()) and self.python.exists()


def environment(cache: Path, build: Build) -> Environment:
    """The environment of this version's SGLang, there or not."""
    version = pinned_version()
    return Environment(cache / "engines" / f"sglang-{version}-{build}", build, version)


def installed_environment(cache: Path) -> Environment | None:
    """The environment to launch from: the one for GPUs where both are there."""
    candidates = (environment(cache, build) for build in BUILDS)
    return next((candidate for candidate in candidates if candidate.installed()), None)


def pinned_version() -> str:
    """The version that the extra ``sglang`` of this distribution names."""
    for requirement in metadata.requires("batchin") or ():
        name, _, rest = requirement.partition("==")
        if name == "sglang":
            return rest.partition(";")[0].strip()
    raise LookupError("batchin's metadata has no extra sglang; install the package again")


def base_python() -> Path:
    """The Python behind this process's own environment."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    base = Path(sys.base_prefix, "bin", f"python{version}")
    return base if base.exists() else Path(sys.executable)

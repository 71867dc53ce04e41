"""Makes .venv hold exactly what requirements.lock names, and the checkout itself.

Run by setup.sh under a supported Python, with nothing but the standard library. Safe to interrupt
and to run again: an environment that was not finished is rebuilt, a finished one is left alone.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "requirements.lock"
STATE = VENV / "setup-state"
LOG = VENV / "setup.log"
ARTIFACTS = "runtime.local.fetch"
INPUTS = (LOCK, ROOT / "pyproject.toml", Path(__file__))
STARTED = time.monotonic()


def home() -> str:
    """What ties an environment to its place: scripts in it hold this path and this Python."""
    return f"{ROOT} {sys.version_info.major}.{sys.version_info.minor}"


def digest() -> str:
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in INPUTS)).hexdigest()


def say(text: str, end: str = "\n") -> None:
    clear = "\r\033[K" if sys.stdout.isatty() else ""
    print(f"{clear}[{time.monotonic() - STARTED:4.0f} s] {text}", end=end, flush=True)


class Progress:
    """How far pip is: packages collected, then packages unpacked."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.collected = 0
        self.installing = False
        self.tail: deque[str] = deque(maxlen=15)
        self._site = next((VENV / "lib").glob("python3.*")) / "site-packages"

    def read(self, line: str) -> None:
        """Takes a line of pip's output in."""
        self.tail.append(line)
        if line.startswith("Collecting "):
            self.collected += 1
        elif line.startswith("Installing collected packages: "):
            self.installing = True
            self.total = line.count(",") + 1

    def __str__(self) -> str:
        if not self.installing:
            return f"packages: {min(self.collected, self.total)} of {self.total} fetched"
        done = sum(1 for _ in self._site.glob("*.dist-info"))
        return f"packages: {min(done, self.total)} of {self.total} installed"


def show(progress: Progress, ended: threading.Event) -> None:
    """Keeps one line moving on a terminal; elsewhere prints a line each ten seconds."""
    terminal = sys.stdout.isatty()
    while not ended.wait(0.25 if terminal else 10):
        say(str(progress), end="" if terminal else "\n")


def pip(*arguments: str, total: int) -> None:
    """Runs pip with its output in setup.log; ends the program when pip fails."""
    flags = ("--no-input", "--disable-pip-version-check")
    command = (str(PYTHON), "-I", "-m", "pip", "install", *flags)
    progress, ended = Progress(total), threading.Event()
    shower = threading.Thread(target=show, args=(progress, ended), daemon=True)
    with (
        LOG.open("a") as log,
        subprocess.Popen(
            [*command, *arguments],
            cwd=ROOT,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        shower.start()
        assert process.stdout is not None
        for line in process.stdout:
            log.write(line)
            progress.read(line.rstrip())
    ended.set()
    shower.join()
    if process.returncode:
        say(f"pip failed; the whole output is in {LOG.relative_to(ROOT)}. Its end:")
        print("\n".join(progress.tail))
        print("\nNothing is lost: when the cause is gone, run the same command again.")
        sys.exit(1)


def create() -> None:
    """Makes an empty environment with the Python that stands behind this process."""
    base = Path(sys.base_prefix, "bin", f"python{sys.version_info.major}.{sys.version_info.minor}")
    base = base if base.exists() else Path(sys.executable)
    say(f"new environment in .venv with Python {sys.version.split()[0]}")
    shutil.rmtree(VENV, ignore_errors=True)
    subprocess.run([base, "-I", "-m", "venv", VENV], check=True)


def install(state: list[str]) -> None:
    """Brings the packages to what the lock names, in a new environment unless this one is whole."""
    if state[:1] != [home()] or state[1:] == ["unfinished"]:
        create()
    STATE.write_text(f"{home()}\nunfinished\n")
    total = sum("==" in line for line in LOCK.read_text().splitlines())
    say(f"installing {total} packages, each checked against its hash")
    # safe-pysha3 has no wheel for macOS; there make itself comes with a compiler.
    wheels = ("--only-binary", ":all:") if sys.platform == "linux" else ()
    pip(*wheels, "--require-hashes", "-r", LOCK.name, total=total)
    say("installing batchin from this checkout")
    pip("--no-deps", "--no-build-isolation", "--no-index", "--editable", ".", total=1)
    STATE.write_text(f"{home()}\npackages {digest()}\n")


def fetch_models() -> None:
    say("fetching the models of the local engine")
    if subprocess.run([PYTHON, "-P", "-m", ARTIFACTS], check=False).returncode:
        sys.exit("The models could not be fetched; run the same command again to go on from here.")


def main() -> None:
    with LOCK.open() as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        state = STATE.read_text().splitlines() if STATE.exists() else []
        if state == [home(), digest()]:
            return
        if state != [home(), f"packages {digest()}"]:
            install(state)
        fetch_models()
        STATE.write_text(f"{home()}\n{digest()}\n")
        say("ready")


if __name__ == "__main__":
    os.umask(0o022)
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\nInterrupted; run the same command again to start over.")

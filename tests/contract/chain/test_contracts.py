"""The committed artifacts are what the compiler makes of the sources."""

import shutil
import subprocess
from pathlib import Path

import pytest

import settlement.chain

SOURCES = Path(__file__).parents[3] / "contracts"
ARTIFACTS = Path(settlement.chain.__file__).parent / "artifacts"


@pytest.mark.peers
def test_the_artifacts_are_fresh(tmp_path: Path) -> None:
    shutil.copytree(SOURCES, tmp_path / "contracts", ignore=shutil.ignore_patterns("node_modules"))
    built = tmp_path / "artifacts"
    built.mkdir()
    for command in (
        ("npm", "ci", "--no-audit", "--no-fund"),
        ("node", "build.mjs", str(built)),
    ):
        subprocess.run(command, cwd=tmp_path / "contracts", check=True, capture_output=True)
    names = {path.name for path in ARTIFACTS.glob("*.json")}
    assert names == {path.name for path in built.glob("*.json")}
    assert names >= {"DevUSDC.json"}
    for name in names:
        assert (built / name).read_bytes() == (ARTIFACTS / name).read_bytes(), (
            f"{name} is stale: see contracts/build.mjs"
        )

"""What is loaded ahead exists, and is what its users would have waited for."""

import subprocess
import sys
from pathlib import Path

import server

ROOT = Path(server.__file__).parents[1]
PROGRAM = """
import sys
import server.app
from server import ahead

heavy = {"mcp", "eth_account"}
before = heavy & set(sys.modules)
ahead.load(ahead.MCP)
without_chain = heavy & set(sys.modules)
ahead.load(ahead.CHAIN)
print(sorted(before), sorted(without_chain), sorted(heavy & set(sys.modules)))
"""


def test_large_libraries_come_with_loading_ahead_and_not_before() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout == "[] ['mcp'] ['eth_account', 'mcp']\n"

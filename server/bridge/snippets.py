"""What to write into the settings of desktop clients, so that they start the bridge."""

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

_KEY: Final = {"BATCHIN_API_KEY": "batchin_api_..."}


@dataclass(frozen=True, slots=True)
class Snippet:
    """``where`` is the file that a client reads, ``text`` what to write into it."""

    name: str
    where: str
    text: str


def snippets(server: str, wallet: Path | None) -> Iterator[Snippet]:
    """One a client. Programs are named by their whole path: clients start them with a bare PATH."""
    paying = ["--wallet", str(wallet.resolve())] if wallet else []
    entry: dict[str, Any] = {"command": _program(), "args": ["mcp", "--stdio", server, *paying]}
    if wallet is None:
        entry["env"] = _KEY
    where = "Settings > Developer > Edit Config; ~/.cursor/mcp.json"
    yield Snippet("Claude Desktop, Cursor", where, _json({"mcpServers": {"batchin": entry}}))
    code = _json({"servers": {"batchin": {"type": "stdio", **entry}}})
    yield Snippet("VS Code", ".vscode/mcp.json, or MCP: Open User Configuration", code)


def _program() -> str:
    beside = Path(sys.executable).parent / "batchin"
    found = str(beside) if beside.exists() else shutil.which("batchin")
    return found or "batchin"


def _json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()

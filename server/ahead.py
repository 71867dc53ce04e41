"""Libraries that take long to load, loaded while children start: their users find them there."""

import importlib
from collections.abc import Iterable
from typing import Final

MCP: Final = ("server.mcp.calls", "server.mcp.protocol", "server.mcp.resources")
CHAIN: Final = ("eth_account", "settlement.chain.keys", "settlement.x402.facilitators.dev")


def load(modules: Iterable[str]) -> None:
    """Import modules, one after the other. Blocking: call it in a thread."""
    for module in modules:
        importlib.import_module(module)

"""tools/list: the entries of the manifests, with what is available now."""

from collections.abc import Mapping
from typing import Any

from mcp.shared.inbound import x_mcp_header_map

from manifests.facts import Facts
from manifests.tools import tool_entries
from server.mcp.context import Context
from tools.core import AnyTool, Registry


class Listing:
    """The handler of tools/list: rendered once, but for availability."""

    def __init__(self, registry: Registry, facts: Facts) -> None:
        entries = tool_entries(registry, facts)
        self._tools: list[tuple[AnyTool, dict[str, Any]]] = list(zip(registry, entries, strict=True))
        self._with_headers: dict[str, Mapping[str, Any]] = {
            name: entry["inputSchema"]
            for tool, entry in self._tools
            if x_mcp_header_map(entry["inputSchema"])
            for name in (tool.name, *tool.aliases)
        }

        self.plain = frozenset(
            name for tool, _ in self._tools for name in (tool.name, *tool.aliases)
        ) - set(self._with_headers)
        """The names of the tools whose calls are told by their messages alone."""

    async def __call__(self, context: Context, params: Any) -> dict[str, Any]:
        tools = [
            {**entry, "_meta": {**entry["_meta"], "available": tool.available()}}
            for tool, entry in self._tools
        ]
        return {"resultType": "complete", "tools": tools}

    def schema_with_headers(self, name: str) -> Mapping[str, Any] | None:
        """The input schema of a tool that has arguments repeated as ``Mcp-Param-*`` headers (SEP-2243),
        which are then compared; None for every other tool."""
        return self._with_headers.get(name)

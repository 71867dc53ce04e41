"""Tools as MCP lists them: schemas, hints, price and availability."""

from typing import Any

from manifests.facts import Facts
from manifests.icons import icons
from manifests.prices import tool_price
from manifests.schemas import input_schema, output_schema
from tools.core import AnyTool, Registry

MOST_LISTED = 25


def tool_entry(tool: AnyTool, facts: Facts) -> dict[str, Any]:
    """One entry of ``tools/list`` (MCP 2026-07-28, Tool). ``_meta.available`` is left to the door,
    which asks the tool each time."""
    return {
        "name": tool.name,
        "title": tool.title,
        "description": tool.description,
        "inputSchema": input_schema(tool),
        "outputSchema": output_schema(tool),
        "annotations": {
            "title": tool.title,
            "readOnlyHint": tool.annotations.read_only,
            "destructiveHint": False,
            "idempotentHint": tool.annotations.idempotent,
            "openWorldHint": tool.annotations.open_world,
        },
        "icons": icons(tool),
        "_meta": {"price": tool_price(tool, facts), "version": tool.version},
    }


def tool_entries(registry: Registry, facts: Facts) -> list[dict[str, Any]]:
    """The whole list; aliases can be called and are not listed.

    Raises ValueError when there are more tools than an agent can be expected to read.
    """
    entries = [tool_entry(tool, facts) for tool in registry]
    if len(entries) > MOST_LISTED:
        raise ValueError(f"{len(entries)} tools to list; agents are shown at most {MOST_LISTED}")
    return entries

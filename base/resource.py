"""What a payment pays for, as an x402 challenge names it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Resource:
    """An addressable paid capability: an absolute URL, or ``mcp://tool/<name>`` over MCP."""

    url: str
    description: str
    mime_type: str = "application/json"

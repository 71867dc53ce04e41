"""What a payment pays for, as an x402 challenge names it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Resource:
    """An addressable paid capability: an absolute URL, or ``mcp://tool/<name>`` over MCP.

    ``discovery`` is what its challenges tell facilitators (the x402 extension ``bazaar``).
    """

    url: str
    description: str
    mime_type: str = "application/json"
    discovery: Mapping[str, Any] | None = None

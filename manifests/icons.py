"""One icon a tool: a line on a 24 by 24 grid, given whole, so that nobody has to fetch it."""

import base64
from collections.abc import Mapping
from typing import Any, Final

from tools.core import AnyTool

_COLOUR: Final = "#0b8a6a"  # seen on light and on dark

_BARS: Final = "M5 20V10m7 10V4m7 16v-7"
_LINES: Final = "M4 6h16M4 12h16M4 18h16"
_SHIELD: Final = "M12 3l8 3v6c0 5-4 8-8 9-4-1-8-4-8-9V6zM9 12l2 2 4-4"
_STACK: Final = "M4 7l8-4 8 4-8 4zM4 12l8 4 8-4M4 17l8 4 8-4"
_WRENCH: Final = "M14 6a4 4 0 0 0 5 5l-8 8a2.8 2.8 0 0 1-4-4l8-8z"

# by the tool's name, else by its modality
_LINES_OF: Final[Mapping[str, str]] = {
    "chat": "M4 5h16v11H9l-5 4z",
    "embed": "M5 19V5m0 14h14M5 19 16 8m0 0h-5m5 0v5",
    "rerank": "M4 6h10M4 12h7M4 18h4M18 5v14m0 0-3-3m3 3 3-3",
    "classify": "M4 4h7l9 9-7 7-9-9zM8 8h.01",
    "image": "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 9h.01",
    "speech": "M4 10v4h4l5 4V6l-5 4zM16 9a4 4 0 0 1 0 6M18.5 6.5a8 8 0 0 1 0 11",
    "transcribe": "M12 3a3 3 0 0 1 3 3v6a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3zM6 11a6 6 0 0 0 12 0M12 17v4",
    "video": "M4 6h11v12H4zM15 10l5-3v10l-5-3",
    "batch": _STACK,
    "models": _LINES,
    "quote": "M12 3v18M16 7h-6a2.5 2.5 0 0 0 0 5h4a2.5 2.5 0 0 1 0 5H8",
    "verify": _SHIELD,
    "receipt": "M6 3h12v18l-3-2-3 2-3-2-3 2zM9 8h6M9 12h6",
    "usage": _BARS,
    "trace": "M4 18h3l3-12 4 9 2-5h4",
    "fallback": "M4 7h9a5 5 0 0 1 0 10H8m0 0 3-3m-3 3 3 3",
    "account": _BARS,
    "credits": "M3 7h18v11H3zM3 11h18M7 15h4",
    "proof": _SHIELD,
}


def icons(tool: AnyTool) -> list[dict[str, Any]]:
    """The icons of a tool (MCP 2026-07-28, Icon)."""
    lines = _LINES_OF.get(tool.name) or _LINES_OF.get(tool.modality) or _WRENCH
    return [{"src": _source(lines), "mimeType": "image/svg+xml", "sizes": ["any"]}]


def server_icon() -> str:
    """The icon of the server itself, as a data URL."""
    return _source(_STACK)


def _source(lines: str) -> str:
    drawing = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" '
        f'stroke="{_COLOUR}" stroke-width="2" stroke-linecap="round" stroke-linejoin="round">'
        f'<path d="{lines}"/></svg>'
    )
    return "data:image/svg+xml;base64," + base64.b64encode(drawing.encode()).decode()

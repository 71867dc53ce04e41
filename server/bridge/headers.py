"""The HTTP headers of a message: what the transport says of it besides its body, in both eras."""

from collections.abc import Mapping
from typing import Any, Final

import mcp_types as types
from mcp.shared.inbound import (
    MCP_METHOD_HEADER,
    MCP_NAME_HEADER,
    MCP_PROTOCOL_VERSION_HEADER,
    NAME_BEARING_METHODS,
    encode_header_value,
)

_NAMES: Final[Mapping[str, str]] = {
    **NAME_BEARING_METHODS,
    "tasks/get": "taskId",
    "tasks/update": "taskId",
    "tasks/cancel": "taskId",
}


class Era:
    """Follows one client: 2026-07-28 names its version in every request, earlier eras agree once."""

    def __init__(self) -> None:
        self._agreed: str | None = None
        self._handshake: types.RequestId | None = None

    def headers(self, message: types.JSONRPCMessage) -> dict[str, str]:
        """The headers to send a message with (MCP 2026-07-28 and 2025-11-25, transports)."""
        if isinstance(message, types.JSONRPCRequest) and message.method == "initialize":
            self._handshake, self._agreed = message.id, None
        version = _version(message)
        if version is None:
            return {MCP_PROTOCOL_VERSION_HEADER: self._agreed} if self._agreed else {}
        assert isinstance(message, types.JSONRPCRequest | types.JSONRPCNotification)
        headers = {MCP_PROTOCOL_VERSION_HEADER: version, MCP_METHOD_HEADER: message.method}
        name = (message.params or {}).get(_NAMES.get(message.method, ""))
        return (
            headers | {MCP_NAME_HEADER: encode_header_value(name)} if isinstance(name, str) else headers
        )

    def heed(self, message: types.JSONRPCMessage) -> None:
        """Learn from an answer which version was agreed on."""
        if isinstance(message, types.JSONRPCResponse) and message.id == self._handshake:
            version = message.result.get("protocolVersion")
            self._agreed = version if isinstance(version, str) else None


def _version(message: types.JSONRPCMessage) -> str | None:
    if not isinstance(message, types.JSONRPCRequest | types.JSONRPCNotification):
        return None
    meta: Any = (message.params or {}).get("_meta")
    version = meta.get(types.PROTOCOL_VERSION_META_KEY) if isinstance(meta, Mapping) else None
    return version if isinstance(version, str) else None

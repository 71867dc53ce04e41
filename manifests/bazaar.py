"""What a challenge tells of a capability beside its price: the x402 extension ``bazaar``, from which
facilitators list what can be bought. Short, since it travels in a header: the schemas are in OpenAPI."""

from collections.abc import Mapping
from typing import Any, Final

from tools.core import AnyTool

_DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
_OBJECT: Final = {"type": "object"}


def http_discovery(tool: AnyTool, body_type: str = "json") -> Mapping[str, Any]:
    """The extension of a route that a body is posted to (``body_type``: json or form-data)."""
    example = next((dict(example) for example in tool.examples), {})
    sent = {"type": "http", "method": "POST", "bodyType": body_type, "body": example}
    properties = {
        "type": {"const": "http"},
        "method": {"enum": ["POST"]},
        "bodyType": {"enum": [body_type]},
        "body": _OBJECT,
    }
    return _extension(sent, properties)


def mcp_discovery(tool: AnyTool) -> Mapping[str, Any]:
    """The extension of a tool."""
    required = [name for name, field in tool.Input.model_fields.items() if field.is_required()]
    sent = {
        "type": "mcp",
        "toolName": tool.name,
        "description": tool.description,
        "transport": "streamable-http",
        "inputSchema": {**_OBJECT, "required": required},
        "example": next((dict(example) for example in tool.examples), {}),
    }
    properties = {
        "type": {"const": "mcp"},
        "toolName": {"type": "string"},
        "description": {"type": "string"},
        "transport": {"enum": ["streamable-http"]},
        "inputSchema": _OBJECT,
        "example": _OBJECT,
    }
    return _extension(sent, properties)


def _extension(sent: Mapping[str, Any], properties: Mapping[str, Any]) -> Mapping[str, Any]:
    described = {**_OBJECT, "properties": properties, "required": list(properties)}
    schema = {"$schema": _DRAFT, **_OBJECT, "properties": {"input": described}, "required": ["input"]}
    return {"info": {"input": sent}, "schema": schema}

"""What a key may call: tools, models and endpoints; of a kind that its scopes do not name, all."""

from typing import Final
from urllib.parse import urlsplit

from base.caller import Caller
from base.errors import Forbidden
from tools.core import Call

_MCP: Final = "/v1/mcp"


def check_scopes(call: Call, tool: str, model: str | None) -> None:
    """Raises Forbidden for a call that its caller's key is not made for.

    Scopes are ``tool:NAME``, ``model:ID`` and ``endpoint:PATH`` with all below it. ``model`` is None for
    a tool without.
    """
    scopes = call.caller.scopes
    if not scopes:
        return
    _check(scopes, "tool", tool)
    check_endpoint(call.caller, _path_of(call.resource.url))
    if model is not None:
        _check(scopes, "model", model)


def check_tool(caller: Caller, *tools: str) -> None:
    """Raises Forbidden for a route that belongs to these tools when the caller's key may call none."""
    allowed = _of_kind(caller.scopes, "tool")
    if allowed and not any(f"tool:{tool}" in allowed for tool in tools):
        raise _forbidden("tool", tools[0], allowed)


def check_endpoint(caller: Caller, path: str) -> None:
    """Raises Forbidden for a path that no scope of the caller's key covers: each covers its own path and
    all below it."""
    allowed = _of_kind(caller.scopes, "endpoint")
    if not allowed:
        return
    roots = (scope.removeprefix("endpoint:").rstrip("/") for scope in allowed)
    if not any(path == root or path.startswith(f"{root}/") for root in roots):
        raise _forbidden("endpoint", path, allowed)


def _check(scopes: frozenset[str], kind: str, name: str) -> None:
    allowed = _of_kind(scopes, kind)
    if allowed and f"{kind}:{name}" not in allowed:
        raise _forbidden(kind, name, allowed)


def _of_kind(scopes: frozenset[str], kind: str) -> list[str]:
    return sorted(scope for scope in scopes if scope.startswith(f"{kind}:"))


def _forbidden(kind: str, name: str, allowed: list[str]) -> Forbidden:
    return Forbidden(
        f"The key may not call the {kind} {name}.",
        resolution=f"Its scopes allow {', '.join(allowed)}; use another key.",
    )


def _path_of(url: str) -> str:
    parts = urlsplit(url)
    return _MCP if parts.scheme == "mcp" else parts.path

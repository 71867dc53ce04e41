"""What a key may call: tools, models and endpoints; of a kind that its scopes do not name, all."""

from typing import Final
from urllib.parse import urlsplit

from base.caller import Caller
from base.errors import Forbidden
from tools.core import Call

_MCP: Final = "/v1/mcp"


def check_scopes(call: Call, tool: str, model: str | None) -> None:
    """Raises Forbidden for a call that its caller's key is not made for.

    Scopes are ``tool:NAME``, ``model:ID`` and ``endpoint:PATH``. ``model`` is None for a tool without.
    """
    scopes = call.caller.scopes
    if not scopes:
        return
    _check(scopes, "tool", tool)
    _check(scopes, "endpoint", _path_of(call.resource.url))
    if model is not None:
        _check(scopes, "model", model)


def check_endpoint(caller: Caller, path: str) -> None:
    """Raises Forbidden for a path, or one below it, that its caller's key is not made for."""
    allowed = sorted(scope for scope in caller.scopes if scope.startswith("endpoint:"))
    paths = [scope.partition(":")[2] for scope in allowed]
    if paths and not any(path == each or path.startswith(f"{each}/") for each in paths):
        raise Forbidden(
            f"The key may not call the endpoint {path}.",
            resolution=f"Its scopes allow {', '.join(allowed)}; use another key.",
        )


def _check(scopes: frozenset[str], kind: str, name: str) -> None:
    allowed = sorted(scope for scope in scopes if scope.startswith(f"{kind}:"))
    if allowed and f"{kind}:{name}" not in allowed:
        raise Forbidden(
            f"The key may not call the {kind} {name}.",
            resolution=f"Its scopes allow {', '.join(allowed)}; use another key.",
        )


def _path_of(url: str) -> str:
    parts = urlsplit(url)
    return _MCP if parts.scheme == "mcp" else parts.path

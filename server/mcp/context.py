"""What comes with an MCP message: the SDK's context, and in it the HTTP request that carried it."""

from typing import Any

from mcp.server.context import ServerRequestContext

from server.mcp.visit import IN_PROCESS, SCOPE_KEY, Visit

Context = ServerRequestContext[Any, Any]


def visit_of(context: Context) -> Visit:
    """The HTTP request behind a message; in-process clients have none and are anonymous."""
    if context.request is None:
        return IN_PROCESS
    visit: Visit = context.request.scope[SCOPE_KEY]
    return visit

"""A tools/call as an MCP client sent it, whichever transport read it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import mcp_types as types

from manifests.identity import MODERN_VERSIONS
from server.mcp.context import Context, visit_of
from server.mcp.meta import meta_of
from server.mcp.progress import Report
from server.mcp.visit import Visit


@dataclass(frozen=True, slots=True)
class ToolMessage:
    """``modern`` is 2026-07-28 and later; ``report`` tells progress, None where none was asked for."""

    name: str
    arguments: Mapping[str, Any]
    meta: Mapping[str, Any]
    request_id: str | int | None
    modern: bool
    visit: Visit
    report: Report | None


def from_sdk(context: Context, params: types.CallToolRequestParams) -> ToolMessage:
    """The message that the SDK's transport read."""
    meta = meta_of(context.params)
    return ToolMessage(
        name=params.name,
        arguments=params.arguments or {},
        meta=meta,
        request_id=context.request_id,
        modern=context.protocol_version in MODERN_VERSIONS,
        visit=visit_of(context),
        report=context.session.report_progress if "progressToken" in meta else None,
    )

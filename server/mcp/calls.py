"""tools/call: from an MCP message to a call of the core, and back."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import mcp_types as types
from mcp.shared.exceptions import MCPError

from base.errors import NotFound
from base.resource import Resource
from base.trace import trace_from
from manifests.bazaar import mcp_discovery
from manifests.identity import MODERN_VERSIONS
from server.mcp.attempt import Attempt, Challenged
from server.mcp.cancellations import Cancellations
from server.mcp.context import Context, visit_of
from server.mcp.meta import (
    meta_of,
    payment_of,
    pays_upfront,
    takes_payment_results,
    takes_tasks,
    traceparent_of,
)
from server.mcp.results import Result, challenged, challenged_by_extension, failed
from server.mcp.task_runs import TaskRuns
from server.mcp.tasks import needs_tasks
from server.mcp.visit import Visit
from server.web.caller import Callers
from server.web.refusal import report_refusal
from server.web.request import check_json
from server.web.respond import public_error
from settlement.rail import Delivery
from tools.core import AnyTool, Call, Registry
from tools.invoke import Invoker

REQUEST_CANCELLED = -32800


@dataclass(frozen=True, slots=True)
class ToolCalls:
    """Runs tools for MCP clients. A payment in ``_meta["x402/payment"]`` pays its call, else the key."""

    invoker: Invoker
    callers: Callers
    cancellations: Cancellations
    task_runs: TaskRuns
    server_info: Mapping[str, Any]
    resources: Mapping[str, Resource]

    async def call(self, context: Context, params: types.CallToolRequestParams) -> Result:
        """The handler of tools/call. Raises MCPError for unknown tools and cancelled calls."""
        tool = self.invoker.registry.get(params.name)
        if tool is None or not tool.listed:
            report_refusal(self.invoker.observer, "mcp", NotFound("There is no such tool."))
            raise MCPError(
                types.INVALID_PARAMS, f"Unknown tool: {params.name}. tools/list names all tools."
            )
        visit = visit_of(context)
        arguments = params.arguments or {}
        if visit.session is None:
            return await self._answer(tool, arguments, context, visit)
        with self.cancellations.cancellable(visit.session, context.request_id):
            return await self._answer(tool, arguments, context, visit)
        raise MCPError(REQUEST_CANCELLED, "Request cancelled")

    async def _answer(
        self, tool: AnyTool, arguments: Mapping[str, Any], context: Context, visit: Visit
    ) -> Result:
        meta = meta_of(context.params)
        as_task = self._may_be_task(tool, context, meta)
        call: Call | None = None
        try:
            call = self._call(tool, visit, meta)
            check_json(visit.body, arguments)
        except Exception as error:  # noqa: BLE001 - the boundary: public_error logs it
            shown = public_error(error)
            report_refusal(self.invoker.observer, tool.name, shown)
            result = failed(shown, call)
        else:
            challenged = _binding(context, meta)
            if as_task:
                result = await self.task_runs.answer(tool, call, arguments, challenged)
            else:
                report = context.session.report_progress if "progressToken" in meta else None
                attempt = Attempt(self.invoker, tool, call, challenged)
                result = await attempt.result(arguments, report)
        if context.protocol_version in MODERN_VERSIONS:
            meta_out = result.setdefault("_meta", {})
            meta_out[types.SERVER_INFO_META_KEY] = self.server_info  # the SDK's costs a deep copy
        return result

    def _may_be_task(self, tool: AnyTool, context: Context, meta: Mapping[str, Any]) -> bool:
        """Whether the client takes a task for an answer. One that watches the progress of its call waits
        for the result itself. Raises MCPError when a task is the only answer there is."""
        knows = context.protocol_version in MODERN_VERSIONS and takes_tasks(meta)
        if tool.task_only and not knows:
            raise needs_tasks(f"{tool.name} takes too long for a request: it is answered with a task.")
        return knows and (tool.task_only or "progressToken" not in meta)

    def _call(self, tool: AnyTool, visit: Visit, meta: Mapping[str, Any]) -> Call:
        payment = payment_of(meta)
        resource = self.resources[tool.name]
        delivery = _delivery(visit, meta, payment)
        call = self.callers.call(visit.head, visit.caller, resource, delivery)
        traceparent = traceparent_of(meta)
        if traceparent is None and payment is call.payment:
            return call
        trace = trace_from(traceparent) if traceparent else call.trace
        return replace(call, payment=payment, trace=trace)


def resources_of(registry: Registry) -> Mapping[str, Resource]:
    """What a payment of each tool pays for."""
    return {
        tool.name: Resource(
            f"mcp://tool/{tool.name}",
            tool.title,
            discovery=mcp_discovery(tool) if tool.quote is not None else None,
        )
        for tool in registry
    }


def _delivery(visit: Visit, meta: Mapping[str, Any], payment: Mapping[str, Any] | None) -> Delivery:
    """A call streams its text only to a reader who asked for progress and whose money is secured: an
    account's, a wallet's credit, or a payment that is settled before the run."""
    if "progressToken" not in meta:
        return Delivery.WHOLE
    if payment is not None:
        return Delivery.STREAM if pays_upfront(payment) else Delivery.WHOLE
    return Delivery.STREAM if visit.caller.account_id is not None else Delivery.WHOLE


def _binding(context: Context, meta: Mapping[str, Any]) -> Challenged:
    """How this client is shown a challenge: as a result type of the extension, or as an error."""
    modern = context.protocol_version in MODERN_VERSIONS
    return challenged_by_extension if modern and takes_payment_results(meta) else challenged

"""tools/call: from an MCP message to a call of the core, and back."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import mcp_types as types
from mcp.shared.exceptions import MCPError

from base.errors import NotFound
from base.resource import Resource
from manifests.bazaar import mcp_discovery
from server.mcp.attempt import Attempt, Challenged
from server.mcp.cancellations import Cancellations
from server.mcp.context import Context
from server.mcp.message import ToolMessage, from_sdk
from server.mcp.meta import (
    payment_of,
    pays_upfront,
    promise_of,
    takes_payment_results,
    takes_tasks,
    trace_of,
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

    async def handle(self, context: Context, params: types.CallToolRequestParams) -> Result:
        """The SDK's handler of tools/call."""
        return await self.call(from_sdk(context, params))

    async def call(self, message: ToolMessage) -> Result:
        """Run a tool. Raises MCPError for unknown tools, cancelled calls and the protocol's refusals."""
        session = message.visit.session
        if session is None:
            return await self._answer(message)
        with self.cancellations.cancellable(session, message.request_id):
            return await self._answer(message)
        raise MCPError(REQUEST_CANCELLED, "Request cancelled")

    async def _answer(self, message: ToolMessage) -> Result:
        tool = self.invoker.registry.get(message.name)
        if tool is None or not tool.listed:
            report_refusal(self.invoker.observer, "mcp", NotFound("There is no such tool."))
            raise MCPError(
                types.INVALID_PARAMS, f"Unknown tool: {message.name}. tools/list names all tools."
            )
        as_task = _may_be_task(tool, message)
        call: Call | None = None
        try:
            call = self._call(tool, message.visit, message.meta)
            check_json(message.visit.body, message.arguments)
        except Exception as error:  # noqa: BLE001 - the boundary: public_error logs it
            shown = public_error(error)
            report_refusal(self.invoker.observer, tool.name, shown)
            result = failed(shown, call)
        else:
            challenged = _binding(message)
            if as_task:
                result = await self.task_runs.answer(tool, call, message.arguments, challenged)
            else:
                attempt = Attempt(self.invoker, tool, call, challenged)
                result = await attempt.result(message.arguments, message.report)
        if message.modern:
            meta = result.setdefault("_meta", {})
            meta[types.SERVER_INFO_META_KEY] = self.server_info  # the SDK's costs a deep copy
        return result

    def _call(self, tool: AnyTool, visit: Visit, meta: Mapping[str, Any]) -> Call:
        payment = payment_of(meta)
        resource = self.resources[tool.name]
        delivery = _delivery(visit, meta, payment)
        call = self.callers.call(visit.head, visit.caller, resource, delivery)
        trace, promise = trace_of(meta), promise_of(meta) or call.promise
        if trace is None and payment is call.payment and promise is call.promise:
            return call
        return replace(call, payment=payment, trace=trace or call.trace, promise=promise)


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


def _may_be_task(tool: AnyTool, message: ToolMessage) -> bool:
    """Whether the client takes a task for an answer. One that watches the progress of its call waits
    for the result itself. Raises MCPError when a task is the only answer there is."""
    knows = message.modern and takes_tasks(message.meta)
    if tool.task_only and not knows:
        raise needs_tasks(f"{tool.name} takes too long for a request: it is answered with a task.")
    return knows and (tool.task_only or message.report is None)


def _binding(message: ToolMessage) -> Challenged:
    """How this client is shown a challenge: as a result type of the extension, or as an error."""
    if message.modern and takes_payment_results(message.meta):
        return challenged_by_extension
    return challenged

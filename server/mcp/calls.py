"""tools/call: from an MCP message to a call of the core, and back."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError

from base.errors import BatchinError, NotFound
from base.resource import Resource
from base.trace import trace_from
from manifests.identity import MODERN_VERSIONS
from server.mcp.cancellations import Cancellations
from server.mcp.meta import (
    meta_of,
    payment_of,
    pays_upfront,
    takes_payment_results,
    traceparent_of,
)
from server.mcp.progress import Progress, Report
from server.mcp.results import Result, challenged, challenged_by_extension, completed, failed
from server.mcp.visit import IN_PROCESS, SCOPE_KEY, Visit
from server.web.caller import Callers
from server.web.refusal import report_refusal
from server.web.request import check_json
from server.web.respond import public_error
from settlement.rail import Delivery
from tools.core import AnyTool, Call
from tools.invoke import Done, Invoker, Run

Context = ServerRequestContext[Any, Any]
Challenged = Callable[[Mapping[str, Any], Call], Result]
REQUEST_CANCELLED = -32800


def visit_of(context: Context) -> Visit:
    """The HTTP request behind a message; in-process clients have none and are anonymous."""
    if context.request is None:
        return IN_PROCESS
    visit: Visit = context.request.scope[SCOPE_KEY]
    return visit


@dataclass(frozen=True, slots=True)
class ToolCalls:
    """Runs tools for MCP clients. A payment in ``_meta["x402/payment"]`` pays its call, else the key."""

    invoker: Invoker
    callers: Callers
    cancellations: Cancellations
    server_info: Mapping[str, Any]

    async def call(self, context: Context, params: types.CallToolRequestParams) -> Result:
        """The handler of tools/call. Raises MCPError for unknown tools and cancelled calls."""
        tool = self.invoker.registry.get(params.name)
        if tool is None:
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
        attempt = _Attempt(None, None)
        try:
            attempt.call = self._call(tool, visit, meta)
            check_json(visit.body, arguments)
            report = context.session.report_progress if "progressToken" in meta else None
            result = completed(await self._run(tool.name, arguments, attempt, report))
        except Exception as error:  # noqa: BLE001 - the boundary: public_error logs it
            shown = public_error(error)
            if attempt.run is None:
                report_refusal(self.invoker.observer, tool.name, shown)
            result = _failure(shown, attempt, _binding(context, meta))
        if context.protocol_version in MODERN_VERSIONS:
            result["_meta"][types.SERVER_INFO_META_KEY] = self.server_info  # the SDK's costs a deep copy
        return result

    def _call(self, tool: AnyTool, visit: Visit, meta: Mapping[str, Any]) -> Call:
        payment = payment_of(meta)
        resource = Resource(f"mcp://tool/{tool.name}", tool.title)
        delivery = _delivery(visit, meta, payment)
        call = self.callers.call(visit.head, visit.caller, resource, delivery)
        traceparent = traceparent_of(meta)
        if traceparent is None and payment is call.payment:
            return call
        trace = trace_from(traceparent) if traceparent else call.trace
        return replace(call, payment=payment, trace=trace)

    async def _run(
        self,
        name: str,
        arguments: Mapping[str, Any],
        attempt: "_Attempt",
        report: Report | None,
    ) -> Done:
        call = attempt.call
        assert call is not None
        attempt.run = self.invoker.open(name, arguments, call)
        async with attempt.run as run:
            if report is None:
                async for _ in run:
                    pass
            else:
                await _follow(run, Progress(report, texts=_already_paid(call, run)))
            return await run.done()


@dataclass(slots=True)
class _Attempt:
    """How far a call came before it failed."""

    call: Call | None
    run: Run | None


async def _follow(run: Run, progress: Progress) -> None:
    """Drain a run while its progress is told."""
    teller = asyncio.create_task(progress.tell())
    try:
        async for delta in run:
            progress.add(delta)
        progress.end()
        await teller
    finally:
        teller.cancel()


def _delivery(visit: Visit, meta: Mapping[str, Any], payment: Mapping[str, Any] | None) -> Delivery:
    """A call streams its text only to a reader who asked for progress and whose money is secured: an
    account's, a wallet's credit, or a payment that is settled before the run."""
    if "progressToken" not in meta:
        return Delivery.WHOLE
    if payment is not None:
        return Delivery.STREAM if pays_upfront(payment) else Delivery.WHOLE
    return Delivery.STREAM if visit.caller.account_id is not None else Delivery.WHOLE


def _already_paid(call: Call, run: Run) -> bool:
    return call.payment is None or run.upfront is not None


def _binding(context: Context, meta: Mapping[str, Any]) -> Challenged:
    """How this client is shown a challenge: as a result type of the extension, or as an error."""
    modern = context.protocol_version in MODERN_VERSIONS
    return challenged_by_extension if modern and takes_payment_results(meta) else challenged


def _failure(error: BatchinError, attempt: _Attempt, challenged: Challenged) -> Result:
    challenge = getattr(error, "challenge", None)
    if challenge is None or attempt.call is None:
        known = getattr(error, "upfront", None)
        return failed(error, attempt.call, attempt.run.upfront or known if attempt.run else known)
    return challenged(challenge, attempt.call)

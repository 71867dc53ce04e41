"""tasks/get, tasks/update and tasks/cancel (MCP Tasks extension, 2026-07-28)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp.shared.inbound import MCP_NAME_HEADER, decode_header_value

from manifests.identity import MODERN_VERSIONS, TASKS_EXTENSION
from server.mcp.context import Context, visit_of
from server.mcp.meta import meta_of, takes_tasks
from server.mcp.task_runs import TaskRuns
from server.mcp.task_wire import Result, detailed
from tools.tasks.book import TaskBook
from tools.tasks.task import Status, Task

_ACKNOWLEDGED: Mapping[str, Any] = {"resultType": "complete"}


class TaskParams(types.RequestParams):
    """Which task."""

    task_id: str


class UpdateParams(TaskParams):
    """Which task, and the answers to what it asked."""

    input_responses: dict[str, Any]


def needs_tasks(message: str) -> MCPError:
    """The error for a client that did not advertise the extension with its request."""
    data: Result = {"requiredCapabilities": {"extensions": {TASKS_EXTENSION: {}}}}
    return MCPError(types.MISSING_REQUIRED_CLIENT_CAPABILITY, message, data)


@dataclass(frozen=True, slots=True)
class TaskMethods:
    """The handlers. An unknown task, another caller's and an expired one are the same error."""

    book: TaskBook
    runs: TaskRuns

    def register(self, server: Server[Any]) -> None:
        server.extensions[TASKS_EXTENSION] = {}
        server.add_request_handler("tasks/get", TaskParams, self.get)
        server.add_request_handler("tasks/update", UpdateParams, self.update)
        server.add_request_handler("tasks/cancel", TaskParams, self.cancel)

    async def get(self, context: Context, params: TaskParams) -> Result:
        task = await self._task(context, params.task_id)
        requests: Mapping[str, Any] = {}
        if task.status is Status.INPUT_REQUIRED:
            requests = await self.book.requests(task)
        return detailed(params.task_id, task, self.book.content(task), requests)

    async def update(self, context: Context, params: UpdateParams) -> Result:
        task = await self._task(context, params.task_id)
        await self.book.answer(task, params.input_responses)
        self.runs.look(task)
        return dict(_ACKNOWLEDGED)

    async def cancel(self, context: Context, params: TaskParams) -> Result:
        task = await self._task(context, params.task_id)
        await self.book.cancel(task)
        self.runs.cancel(task)
        return dict(_ACKNOWLEDGED)

    async def _task(self, context: Context, task_id: str) -> Task:
        if context.protocol_version not in MODERN_VERSIONS:
            raise MCPError(types.METHOD_NOT_FOUND, "Method not found", context.method)
        if not takes_tasks(meta_of(context.params)):
            raise needs_tasks(f"{context.method} is for clients that advertise {TASKS_EXTENSION}.")
        _check_name(context, task_id)
        task = await self.book.find(task_id, visit_of(context).caller.account_id)
        if task is None:
            raise MCPError(types.INVALID_PARAMS, "There is no such task, or it expired.")
        return task


def _check_name(context: Context, task_id: str) -> None:
    """Over HTTP the task is named in a header too, for those who route by it."""
    if context.request is None:
        return
    header = context.request.headers.get(MCP_NAME_HEADER)
    if header is None or decode_header_value(header) != task_id:
        raise MCPError(types.HEADER_MISMATCH, f"The header {MCP_NAME_HEADER} should be the taskId.")

"""Tasks as clients of the extension see them (MCP Tasks extension, 2026-07-28)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from tools.tasks.task import Status, Task

POLL_INTERVAL_MS: Final = 1000

Result = dict[str, Any]


def handle(task_id: str, task: Task) -> Result:
    """A CreateTaskResult: the answer to a call that goes on as a task."""
    return {"resultType": "task", **_task(task_id, task)}


def detailed(task_id: str, task: Task, content: Any, requests: Mapping[str, Any]) -> Result:
    """A DetailedTask, the answer of tasks/get; ``content`` is the result or error of one that ended."""
    result = {"resultType": "complete", **_task(task_id, task)}
    if task.status is Status.COMPLETED:
        result["result"] = content
    elif task.status is Status.FAILED:
        result["error"] = content
    elif task.status is Status.INPUT_REQUIRED:
        result["inputRequests"] = dict(requests)
    return result


def _task(task_id: str, task: Task) -> Result:
    wire: Result = {
        "taskId": task_id,
        "status": task.status.value,
        "createdAt": _time(task.created_at_ms),
        "lastUpdatedAt": _time(task.updated_at_ms),
        "ttlMs": task.expires_at_ms - task.created_at_ms,
        "pollIntervalMs": POLL_INTERVAL_MS,
    }
    return wire | {"statusMessage": task.message} if task.message else wire


def _time(at_ms: int) -> str:
    moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

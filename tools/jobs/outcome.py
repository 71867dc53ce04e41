"""What became of a task, as a line of the output: OpenAI's form."""

from collections.abc import Mapping
from typing import Any

import orjson

from base.errors import BatchinError
from base.sealing import Sealer
from storage.op import Row


def answered(run_id: str, request_id: str, custom_id: str, body: bytes) -> bytes:
    """A task that was answered; ``body`` is JSON and goes in as it is."""
    head = _head(run_id, custom_id)
    response = orjson.dumps({"status_code": 200, "request_id": request_id})[:-1] + b',"body":' + body
    return head + b',"response":' + response + b'},"error":null}'


def failed(run_id: str, request_id: str, custom_id: str, error: BatchinError) -> bytes:
    """A task that was refused or whose engine failed: nothing was charged."""
    response = {"status_code": error.status, "request_id": request_id, "body": error.body()}
    rest = orjson.dumps({"response": response, "error": None})
    return _head(run_id, custom_id) + b"," + rest[1:]


def unread(number: int, custom_id: str | None, error: BatchinError) -> bytes:
    """A line that is no task."""
    return _never_run(number, custom_id, line_error(number, error))


def not_run(number: int, custom_id: str | None, code: str, message: str) -> bytes:
    """A task that never had its turn."""
    return _never_run(number, custom_id, {"code": code, "message": message, "line": number})


def line_error(number: int, error: BatchinError) -> dict[str, Any]:
    """OpenAI's batch error, with what to do next."""
    return {
        "code": error.code,
        "message": error.message,
        "param": error.param,
        "line": number,
        "resolution": error.resolution,
    }


def task_row(
    batch_id: str,
    number: int,
    run_id: str,
    line: bytes,
    sealer: Sealer,
    at_ms: int,
    digest: bytes | None = None,
) -> Row:
    """The row of a task that has ended. ``digest`` is that of its record, None when it failed."""
    sealed = sealer.seal(line)
    return {
        "batch_id": batch_id,
        "number": number,
        "completed": digest is not None,
        "run_id": run_id,
        "digest": digest,
        "salt": sealed.salt,
        "box": sealed.box,
        "at_ms": at_ms,
    }


def _head(run_id: str, custom_id: str) -> bytes:
    """An open object."""
    request = "batch_req_" + run_id.removeprefix("run_")
    return orjson.dumps({"id": request, "custom_id": custom_id})[:-1]


def _never_run(number: int, custom_id: str | None, error: Mapping[str, Any]) -> bytes:
    return orjson.dumps(
        {"id": f"batch_req_{number}", "custom_id": custom_id, "response": None, "error": dict(error)}
    )

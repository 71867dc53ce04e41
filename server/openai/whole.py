"""Answer a call with one body, after its capture is durable."""

from collections.abc import Mapping
from typing import Any

from starlette.types import Send

from server.openai.shown import Show, as_json
from server.web.headers import request_headers, whole_headers
from server.web.respond import send_bytes
from tools.core import Call
from tools.invoke import Invoker


async def answer_whole(
    invoker: Invoker,
    tool: str,
    arguments: Mapping[str, Any],
    call: Call,
    send: Send,
    show: Show = as_json,
) -> None:
    """Run a tool to its end and send what is shown of it; the headers tell its evidence."""
    done = await invoker.invoke(tool, arguments, call)
    if done.settled is None:
        headers = request_headers(done.call)
    else:
        headers = whole_headers(done.call, done.served, done.settled)
    shown = show(arguments, done)
    await send_bytes(send, 200, shown.body, headers, shown.media_type)

"""Answer a call with one JSON body, after its capture is durable."""

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.types import Send

from server.openai.vaas import vaas_member
from server.web.headers import request_headers, whole_headers
from server.web.respond import send_bytes
from tools.core import Call
from tools.invoke import Done, Invoker


async def answer_whole(
    invoker: Invoker, tool: str, arguments: Mapping[str, Any], call: Call, send: Send
) -> None:
    """Run a tool to its end and send its output, with the evidence in ``vaas``."""
    done = await invoker.invoke(tool, arguments, call)
    if done.settled is None:
        await send_bytes(send, 200, done.body, request_headers(done.call))
        return
    headers = whole_headers(done.call, done.served, done.settled)
    await send_bytes(send, 200, _with_evidence(done), headers)


def _with_evidence(done: Done) -> bytes:
    """The output was dumped once for the books: the member is spliced in, not dumped again."""
    if done.settled is None:
        return done.body
    vaas = vaas_member(done.run_id, done.settled.evidence)
    extra = {"vaas": vaas, "vaas_record_id": vaas["record_id"]}
    return done.body[:-1] + b"," + orjson.dumps(extra)[1:]

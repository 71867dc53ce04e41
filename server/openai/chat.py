"""POST /v1/chat/completions and /v1/completions, streamed and whole."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.types import Receive, Scope, Send

from base.resource import Resource
from server.openai.answer import Answer
from server.openai.chunks import Chunks, ChunkWriter
from server.openai.whole import answer_whole
from server.web.caller import Callers
from server.web.company import Patience
from server.web.connection import Watch
from server.web.outbox import Outbox, ReaderTooSlow
from server.web.request import Disconnected, read_body, read_head, read_json
from server.web.wire import wire_of
from settlement.rail import Delivery
from tools.invoke import Invoker, Run


@dataclass(frozen=True, slots=True)
class ChatDoor:
    """The ASGI app of an endpoint of ``tool``, whose streams ``chunks`` renders; ``public_key`` tells
    the current receipt key in wire form."""

    invoker: Invoker
    callers: Callers
    resource: Resource
    body_limit: int
    send_timeout_s: float
    public_key: Callable[[], str]
    tool: str = "chat"
    chunks: Callable[[str, Mapping[str, Any]], Chunks] = ChunkWriter
    patience: Patience = Patience()  # noqa: RUF009 - frozen

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with Watch(wire_of(scope), send, self.send_timeout_s) as watch:
            answer = Answer(self.tool, scope, watch.send, self.invoker)
            try:
                await self._answer(scope, receive, answer)
            except (Disconnected, ReaderTooSlow):
                return
            except Exception as error:  # noqa: BLE001 - a door answers whatever happened
                await answer.fail(error)
            finally:
                answer.close()

    async def _answer(self, scope: Scope, receive: Receive, answer: Answer) -> None:
        head = read_head(scope)
        caller = self.callers.caller(head)
        arguments = read_json(head, await read_body(receive, head, self.body_limit))
        delivery = Delivery.STREAM if arguments.get("stream") is True else Delivery.WHOLE
        call = self.callers.call(head, caller, self.resource, delivery)
        answer.call = call
        if delivery is Delivery.WHOLE:
            await answer_whole(self.invoker, self.tool, arguments, call, answer.send)
            return
        run = self.invoker.open(self.tool, arguments, call)
        async with answer.streaming(run, self.public_key, self.patience) as body:
            await _stream(self.chunks(run.run_id, arguments), run, body)


async def _stream(chunks: Chunks, run: Run, body: Outbox) -> None:
    await body.write(chunks.opening())
    async for delta in run:
        await body.write(chunks.delta(delta))
    done = await run.done()
    stored = chunks.stored(done.output) if run.replayed else b""
    await body.end(stored + chunks.closing(done))

"""The events of a response are the same at every reading; an answer that is begun anew is told apart."""

from collections.abc import AsyncIterator
from typing import Any

from openai import omit
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from base.clock import SystemClock
from base.usage import Usage
from runtime.engine import Delta
from settlement.rail import Served
from storage.op import Op
from tools.chat_schema import ChatInput
from tools.core import Result
from tools.immediate import NOWHERE
from tools.responses.pieces import Entry
from tools.responses.rendered import envelope
from tools.responses.replay import Replay, items_in
from tools.responses.schema import ResponsesInput
from tools.responses.tool import PreparedInput, ResponseExecution

ARGS = ResponsesInput(model="m", input="Hi")
CHAT = ChatInput.model_validate({"model": "m", "messages": [{"role": "user", "content": "Hi"}]})
QUEUED = envelope(ARGS, "resp_chatcmpl_1", 1) | {"status": "queued"}
EVENT: TypeAdapter[ResponseStreamEvent] = TypeAdapter(ResponseStreamEvent)
BEGIN: Entry = {"logprobs": False}


def piece(content: str = "", reasoning: str = "", calls: tuple[Any, ...] = ()) -> Entry:
    return [content, reasoning, list(calls), None]


class Broken:
    """A run of the chat tool whose first engine fails amid its answer. Implements Answering."""

    def __init__(self, first: list[Delta], second: list[Delta]) -> None:
        self._tries = (first, second)
        self.attempt = 1
        self.finish_reason = "stop"

    def reserve(self) -> None:
        """Nothing to wait for."""

    async def start(self) -> Served:
        return NOWHERE

    async def events(self) -> AsyncIterator[Delta]:
        for delta in self._tries[0]:
            yield delta
        self.attempt = 2
        for delta in self._tries[1]:
            yield delta

    def result(self) -> Result:
        return Result({}, Usage(1, 2), "sha256:")

    async def close(self) -> None:
        """Nothing runs."""


def kept(*_: object) -> Op:
    return Op((), lambda _: None)


async def run_of(chat: Broken, items_before: int = 0) -> dict[str, Any]:
    args = PreparedInput.model_construct(ARGS.model_fields_set, **dict(ARGS), chat=CHAT)
    made = ResponseExecution(chat, args, QUEUED, SystemClock(), kept)
    made.follow(items_before)
    async for _ in made.events():
        pass
    return dict(made.result().output)


async def test_a_failed_engine_leaves_nothing_in_the_answer_of_the_next() -> None:
    made = await run_of(Broken([Delta(0, "Wro")], [Delta(0, "Right"), Delta(0, ".")]))
    (item,) = made["output"]
    assert item["content"][0]["text"] == "Right."
    empty = await run_of(Broken([Delta(0, "Wro")], []))
    assert empty["output"] == []


async def test_the_items_of_a_run_are_those_of_its_stream() -> None:
    """Two engines in one process, then another process: each begins anew, the SDK follows."""
    first = [BEGIN, piece(reasoning="Hm."), piece("Wro")]
    second = [BEGIN, piece("No"), piece(calls=({"id": "call_1", "function": {"name": "f"}},))]
    assert items_in(first) == 2
    assert items_in(first + second) == 4
    last = [BEGIN, piece("Right"), piece(".")]
    made = await run_of(Broken([], [Delta(0, "Right"), Delta(0, ".")]), items_in(first + second))
    replay = Replay(QUEUED)
    events = replay.opening()
    for entries in (first, second, last):
        events += [event for entry in entries for event in replay.add(entry)]
    events += replay.end(made)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    assert [item["status"] for item in done] == [
        "completed",
        "incomplete",
        "completed",
        "incomplete",
        "completed",
    ]
    assert [item["id"] for item in done] == ["rs_1_0", "msg_1_1", "msg_1_2", "fc_1_3", "msg_1_4"]
    assert made["output"] == [done[-1]]
    state: ResponseStreamState[Any] = ResponseStreamState(input_tools=omit, text_format=omit)
    for event in events:
        state.handle_event(EVENT.validate_python(event))


def test_what_has_no_answer_ends_as_failed() -> None:
    for status in ("failed", "cancelled"):
        replay = Replay(QUEUED)
        events = replay.opening() + replay.end({**QUEUED, "status": status})
        assert [event["type"] for event in events] == [
            "response.created",
            "response.queued",
            "response.failed",
        ]
        assert events[-1]["response"]["status"] == status

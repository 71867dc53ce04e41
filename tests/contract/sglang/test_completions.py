"""Text completions on SGLang, through our adapter. The server has a completion template."""

from dataclasses import replace
from typing import Any

import pytest

from runtime.engine import Delta, EngineCall, Event, Fault, Finish, Metered, Modality
from tests.contract.sglang.peers import Peer, call, events_of

pytestmark = pytest.mark.asyncio(loop_scope="package")


def completion(prompt: str | list[str], **body: Any) -> EngineCall:
    fields = {"prompt": prompt, "max_tokens": 4, "temperature": 0, "ignore_eos": True, **body}
    return call(Modality.COMPLETION, **fields)


def text(events: list[Event], index: int = 0) -> str:
    return "".join(e.content for e in events if isinstance(e, Delta) and e.index == index)


def metered(events: list[Event]) -> tuple[int, int]:
    assert isinstance(events[-1], Metered), events[-1]
    return events[-1].usage.input_tokens, events[-1].usage.output_tokens


async def test_a_text_goes_on(chat: Peer) -> None:
    events = await events_of(chat, completion("hello world"))
    assert Finish(0, "length") in events
    assert metered(events)[1] == 4
    assert text(events)


async def test_choices_of_several_prompts_are_numbered_prompt_by_prompt(chat: Peer) -> None:
    one = metered(await events_of(chat, completion("hello")))[0]
    other = metered(await events_of(chat, completion("hello world")))[0]
    events = await events_of(chat, completion(["hello", "hello world"], n=2, temperature=0.9))
    assert {e.index for e in events if isinstance(e, Finish)} == {0, 1, 2, 3}
    assert metered(events) == (one + other, 16)


async def test_the_prompt_is_echoed(chat: Peer) -> None:
    events = await events_of(chat, completion("hello", echo=True))
    assert text(events).startswith("hello")
    assert metered(events)[1] == 4


async def test_log_probabilities_as_in_the_completions_api(chat: Peer) -> None:
    events = await events_of(chat, completion("hello", logprobs=1))
    told = [e.logprobs for e in events if isinstance(e, Delta) and e.logprobs]
    assert all(set(entry) == {"tokens", "token_logprobs", "top_logprobs"} for entry in told)
    assert 0 < sum(len(entry["tokens"]) for entry in told) <= 4


async def test_a_suffix_is_honoured_where_there_is_a_template(chat: Peer) -> None:
    plain = metered(await events_of(chat, completion("def f(")))[0]
    filled = metered(await events_of(chat, completion("def f(", suffix="): pass")))[0]
    assert filled > plain + 5, "the template and the suffix are part of the input"


async def test_without_a_suffix_the_template_stays_out_of_it(chat: Peer) -> None:
    """The server would fill the word None in."""
    listed = metered(await events_of(chat, completion(["def f("])))[0]
    assert metered(await events_of(chat, completion("def f(")))[0] == listed < 10


async def test_a_suffix_of_several_prompts_is_refused(chat: Peer) -> None:
    (fault,) = await events_of(chat, completion(["a", "b"], suffix="c"))
    assert isinstance(fault, Fault)
    assert fault.kind == "invalid"


async def test_what_does_not_fit_is_told_as_such(chat: Peer) -> None:
    (fault,) = await events_of(chat, completion("hello", max_tokens=99_999))
    assert isinstance(fault, Fault)
    assert fault.kind == "context"


async def test_a_cut_completion_tells_what_was_generated(chat: Peer) -> None:
    asked = replace(completion("hello", max_tokens=1500))
    async with chat.run(asked) as events:
        async for event in events:
            if isinstance(event, Metered) and event.usage.output_tokens >= 5:
                break
    assert asked.meter.usage is not None
    assert 5 <= asked.meter.usage.output_tokens < 1500
    await chat.idle()

"""A call of many choices, run in parts, reads as one."""

from base.usage import Usage
from runtime.choices import InParts
from runtime.engine import Delta, Fault, Finish, Metered, Started
from tests.unit.runtime.engines import chat_call, llama
from tests.unit.runtime.scripted import Exchange, finish, piece, scripted, usage


async def part(exchange: Exchange) -> None:
    asked = exchange.json()["n"]
    assert isinstance(asked, int)
    told = [
        payload
        for index in range(asked)
        for payload in (piece(f"{exchange.number}{index}", index), finish(index), usage(5, 2))
    ]
    await exchange.stream(*told)


async def test_choices_are_numbered_through_and_the_input_counts_once() -> None:
    async with scripted(part) as server:
        engine = llama(server.url)
        async with InParts(chat_call(n=5, seed=7), 2, engine.run) as events:
            told = [event async for event in events]
        await engine.aclose()
    assert [exchange.json()["n"] for exchange in server.exchanges] == [2, 2, 1]
    assert [exchange.json()["seed"] for exchange in server.exchanges] == [7, 9, 11]
    assert len([event for event in told if isinstance(event, Started)]) == 1
    assert [event.content for event in told if isinstance(event, Delta)] == [
        "10",
        "11",
        "20",
        "21",
        "30",
    ]
    assert [event.index for event in told if isinstance(event, Finish)] == [0, 1, 2, 3, 4]
    assert told[-1] == Metered(Usage(5, 10))
    counts = [event.usage.output_tokens for event in told if isinstance(event, Metered)]
    assert counts == sorted(counts)


async def test_a_fault_in_a_part_is_the_end() -> None:
    async def script(exchange: Exchange) -> None:
        if exchange.number == 2:
            await exchange.stream(piece("x"), end=b"")
        else:
            await part(exchange)

    async with scripted(script) as server:
        engine = llama(server.url)
        async with InParts(chat_call(n=3), 1, engine.run) as events:
            told = [event async for event in events]
        await engine.aclose()
        assert len(server.exchanges) == 2
    assert isinstance(told[-1], Fault)

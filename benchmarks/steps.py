"""``python -m benchmarks.steps``: CPU time of each step of a chat call that can run by itself.

The least of many runs, so that what else the machine does is left out. What lies between the steps (the
event loop, tasks, sockets, memory that has grown cold) is not in it: a call costs more than their sum.
"""

import asyncio
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, Final

import orjson

from base.clock import SystemClock
from base.ids import new_id, new_run_id
from base.outbound.client import Outbound
from base.outbound.guard import Guard
from base.pricing import PriceCard
from base.trace import trace_from
from base.usage import Usage
from benchmarks.instant_engine import Engine
from benchmarks.store import SCHEMAS, create_schema, open_accounts, outcome
from runtime.catalog import Catalog, Model
from runtime.engine import Delta, Event, Modality, Started
from runtime.http.sse import SseParser
from runtime.openai_chat import ChatPiece
from runtime.openai_stream import StreamReader
from runtime.pool import Engines
from runtime.tallies import LastUsage
from server.log import set_up_logging
from server.metrics import Metrics
from server.openai.chunks import ChunkWriter
from server.web.request import read_head, read_json
from settlement.evidence.hashes import chat_response_hash, request_hash
from settlement.evidence.keyring import KeyRing
from settlement.evidence.ops import evidence_op
from settlement.evidence.recorder import Recorder
from settlement.evidence.signed import PaymentFacts
from settlement.ledger import ops
from settlement.ledger.credentials import KeyLimits
from settlement.ledger.keys import Keys
from settlement.ledger.usage import usage_op
from settlement.rail import Terms
from storage.sqlite import open_store
from tools.arguments import parse
from tools.chat import Chat
from tools.chat_schema import ChatInput
from tools.look import Looker
from tools.observe import CallReport

RUNS: Final = 2000
REPEATS: Final = 9
EVENTS: Final = 50
BODY: Final = {
    "model": "instant",
    "messages": [
        {"role": "system", "content": "You are a helpful assistant that answers briefly."},
        {"role": "user", "content": "Explain attention in 3 bullets"},
    ],
    "temperature": 0.7,
    "max_tokens": 128,
}
Step = tuple[str, Callable[[], Any]]


def microseconds(step: Callable[[], Any]) -> float:
    least = float("inf")
    for _ in range(REPEATS):
        started = time.process_time_ns()
        for _ in range(RUNS):
            step()
        least = min(least, (time.process_time_ns() - started) / RUNS / 1000)
    return least


def _at_once(signing: Coroutine[Any, Any, Any]) -> Any:
    """What is signed with a key that is at hand: it never gives way to anybody."""
    try:
        signing.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("it waits for something")


def front() -> Iterator[Step]:
    """What comes before the engine."""
    data = orjson.dumps(BODY)
    sent = [(b"host", b"h"), (b"content-type", b"application/json"), (b"authorization", b"Bearer k")]
    head = read_head({"headers": sent})
    yield "read head and JSON", lambda: (read_head({"headers": sent}), read_json(head, data))
    yield "ids and trace", lambda: (new_run_id(), new_id("req"), trace_from(None))
    yield "validate arguments", lambda: parse(ChatInput, BODY)
    yield "hash of the request", lambda: request_hash(BODY)
    model = Model("instant", Modality.CHAT, "instant", PriceCard("p", 20, 80), 4096, "unknown")
    engines = Engines(())
    quote = Chat(Catalog([model]), engines, SystemClock(), 1024, Looker(Outbound(Guard()))).tool().quote
    assert quote is not None
    arguments = parse(ChatInput, BODY)
    yield "quote", lambda: quote(arguments)


def stream() -> Iterator[Step]:
    """What each event of an answer passes, for 50 events."""
    lines = b"".join(Engine(EVENTS)._events())  # noqa: SLF001 - the fake's own rendering
    payloads = SseParser().feed(lines)
    yield f"cut {EVENTS} events", lambda: SseParser().feed(lines)
    yield f"read {EVENTS} events", lambda: read(payloads)
    deltas = [event for event in read(payloads) if isinstance(event, Delta)]
    chunks = ChunkWriter("run_1", BODY)
    yield f"render {EVENTS} events", lambda: [chunks.delta(delta) for delta in deltas]


def read(payloads: list[bytes]) -> list[Event]:
    started = Started("instant", "", "bench", "")
    reader = StreamReader(1, ChatPiece(0), LastUsage(), lambda _: started)
    return [event for payload in payloads for event in reader.events(payload)]


def back(folder: Path) -> Iterator[Step]:
    """What comes after the engine."""
    message = {"role": "assistant", "content": "a" * 200, "refusal": None}
    choices = [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}]
    yield "hash of the answer", lambda: chat_response_hash(choices)
    ring = KeyRing.open(folder / "keys", SystemClock())
    recorder, terms = Recorder(ring, "development"), Terms("balance", "acct_x")
    run_id = new_run_id()
    run = outcome(run_id)
    evidence = _at_once(recorder.evidence(run, terms, 5))
    receipt = _at_once(recorder.receipt(evidence, PaymentFacts(5), 9))
    yield "one signature (in the next two)", lambda: ring.current.signer.sign(evidence.payload)
    yield "evidence", lambda: _at_once(recorder.evidence(run, terms, 5))
    yield "receipt", lambda: _at_once(recorder.receipt(evidence, PaymentFacts(5), 9))
    yield (
        "operations of hold and capture",
        lambda: (
            ops.hold(run_id, "a", "k", 9, "lease", 1),
            ops.capture(run_id, "a", "k", 5, 1),
            usage_op(run, "a", "k", "balance", 5),
            evidence_op(evidence, receipt, 1),
        ),
    )
    report = CallReport(
        run_id, "req", "t", "chat", "m", "a", "balance", "completed", Usage(1, 2), 5, 1.0, 2.0
    )
    metrics = Metrics()
    yield "metrics", lambda: metrics.call_ended(report)
    log = set_up_logging("info", "json", (folder / "log").open("wb"))
    yield "line of the log", lambda: log.call_ended(report)


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "batchin.db")
        create_schema(path)
        store = await open_store(path, SCHEMAS)
        keys = Keys(store, SystemClock(), bytes(32))
        account_id, _ = (await open_accounts(store))[0]
        key = (await keys.create(account_id, "steps", KeyLimits())).key
        steps = [*front(), ("authenticate", lambda: keys.authenticate(key)), *stream()]
        for name, step in [*steps, *back(Path(folder))]:
            print(f"{microseconds(step):8.1f} us  {name}")
        await store.close()


if __name__ == "__main__":
    asyncio.run(main())

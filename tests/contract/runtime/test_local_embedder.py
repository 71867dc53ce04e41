"""The real local embedding model: meaning, exactness, limits."""

import asyncio
import os
import struct

import pytest

from base.usage import Usage
from runtime.engine import EngineCall, Event, Fault, Metered, Modality, Started, Vectors
from runtime.local.build import MINILM_ID
from runtime.local.embedder import LocalEmbedder
from tests.contract.runtime.conftest import new_engines

pytestmark = pytest.mark.asyncio(loop_scope="package")
TEXTS = ["A cat sits on the mat.", "A kitten rests on a rug.", "Quarterly revenue grew by nine percent."]


def call(*texts: str) -> EngineCall:
    rid = f"run_{os.urandom(6).hex()}"
    return EngineCall(rid, Modality.EMBEDDING, MINILM_ID, {"input": list(texts)}, "acct_1")


async def embed(engine: LocalEmbedder, *texts: str) -> list[Event]:
    async with engine.run(call(*texts)) as events:
        return [event async for event in events]


def vectors(events: list[Event]) -> tuple[bytes, ...]:
    return next(event.data for event in events if isinstance(event, Vectors))


def floats(vector: bytes) -> tuple[float, ...]:
    return struct.unpack(f"<{len(vector) // 4}f", vector)


def cosine(one: bytes, other: bytes) -> float:
    return sum(a * b for a, b in zip(floats(one), floats(other), strict=True))


async def test_near_in_meaning_is_near_in_angle(embedder: LocalEmbedder) -> None:
    events = await embed(embedder, *TEXTS)
    cat, kitten, revenue = vectors(events)
    assert cosine(cat, kitten) > 0.5 > cosine(cat, revenue) + 0.3
    assert all(abs(cosine(vector, vector) - 1) < 1e-5 for vector in (cat, kitten, revenue))
    assert next(event.dimensions for event in events if isinstance(event, Vectors)) == 384
    first = events[0]
    assert isinstance(first, Started)
    assert (first.model, first.engine) == ("all-minilm-l6-v2-int8", "onnxruntime")


async def test_a_batch_gives_each_text_its_own_vector_in_its_own_place(embedder: LocalEmbedder) -> None:
    texts = [f"{word} " * count for count in (1, 300, 7, 120, 2) for word in ("sea", "tax")]
    together = vectors(await embed(embedder, *texts))
    alone = [vectors(await embed(embedder, text))[0] for text in texts]
    assert list(together) == alone
    assert len(set(together)) == len(texts)


async def test_usage_is_what_the_tokenizer_says(embedder: LocalEmbedder) -> None:
    counts = []
    for texts in (["hello"], ["hello world"], ["hello", "hello world"], ["embeddings"]):
        last = (await embed(embedder, *texts))[-1]
        assert isinstance(last, Metered)
        counts.append(last.usage)
    assert counts == [Usage(3), Usage(4), Usage(7), Usage(6)]  # [CLS] hello [SEP]; em ##bed ##ding ##s


async def test_the_longest_text_that_fits_and_the_next_one(embedder: LocalEmbedder) -> None:
    assert vectors(await embed(embedder, "a " * 510))
    (only,) = await embed(embedder, "short", "a " * 511)
    assert isinstance(only, Fault)
    assert (only.kind, only.status, only.retryable) == ("context", 400, False)


async def test_odd_texts(embedder: LocalEmbedder) -> None:
    odd = [" ", "\n", "\x00", "😀" * 20, "漢字", "a\u0301", "[PAD] [CLS]"]
    assert len(vectors(await embed(embedder, *odd))) == len(odd)


async def test_the_loop_goes_on_while_it_works(embedder: LocalEmbedder) -> None:
    working = asyncio.create_task(embed(embedder, *["word " * 400] * 8))
    beats = 0
    while not working.done():
        await asyncio.sleep(0.001)
        beats += 1
    assert len(vectors(working.result())) == 8
    assert beats > 5  # a loop that is held up has one


async def test_a_reader_that_leaves_and_an_abort_end_the_work(embedder: LocalEmbedder) -> None:
    async with embedder.run(call(*["word " * 400] * 64)) as events:
        assert isinstance(await anext(events), Started)
    assert (await embedder.load()).running == 0
    long = call(*["word " * 400] * 64)
    async with embedder.run(long) as events:
        assert isinstance(await anext(events), Started)
        await embedder.abort(long.rid)
        assert isinstance([event async for event in events][-1], Fault)


async def test_a_stopped_embedder_says_so() -> None:
    _, engine = new_engines()
    (only,) = await embed(engine, "x")
    assert isinstance(only, Fault)
    assert only.kind == "unavailable"

"""Rerank by embeddings: the cosine of each document's vector with the query's."""

import asyncio
import math
from array import array
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import replace
from operator import mul

from runtime.engine import EngineCall, Event, Modality, Scores, Vectors
from runtime.retold import Retold, RunOne


class ByVectors(Retold):
    """Runs a rerank call as one embedding call of the query and the documents.

    SGLang's own rerank route answers the first number of a vector when its model only embeds.
    """

    def __init__(self, call: EngineCall, run_one: RunOne) -> None:
        texts = [call.body["query"], *call.body["documents"]]
        super().__init__(replace(call, modality=Modality.EMBEDDING, body={"input": texts}), run_one)

    async def told(self, events: AsyncIterator[Event]) -> AsyncGenerator[Event, None]:
        async for event in events:
            if isinstance(event, Vectors):
                query, *documents = event.data
                event = Scores(await asyncio.to_thread(cosines, query, documents))
            yield event


def cosines(query: bytes, documents: Sequence[bytes]) -> tuple[float, ...]:
    """Cosine similarity of vectors in little-endian float32; 0 where one has no length. CPU-bound."""
    asked = _floats(query)
    return tuple(_cosine(asked, _floats(document)) for document in documents)


def _cosine(left: "array[float]", right: "array[float]") -> float:
    lengths = math.sqrt(_dot(left, left) * _dot(right, right))
    return max(-1.0, min(1.0, _dot(left, right) / lengths)) if lengths else 0.0


def _dot(left: "array[float]", right: "array[float]") -> float:
    return math.fsum(map(mul, left, right))


def _floats(vector: bytes) -> "array[float]":
    """Every platform that Python wheels of ours run on is little-endian."""
    return array("f", vector)

"""Embeddings, rankings and classes on SGLang, through our adapter."""

import struct
from typing import Any

import pytest

from runtime.engine import Event, Fault, Labels, Metered, Modality, Scores, Started, Vectors
from runtime.rerank import cosines
from tests.contract.sglang.peers import CONTEXT, DIMENSIONS, Peer, call, events_of

pytestmark = pytest.mark.asyncio(loop_scope="package")

TEXTS = ["hello world", "the quick brown fox", "lazy dog"]


async def told(peer: Peer, modality: Modality, **body: Any) -> tuple[Event, int]:
    """What the call brought, and its input tokens."""
    started, brought, metered = await events_of(peer, call(modality, **body))
    assert isinstance(started, Started)
    assert isinstance(metered, Metered)
    assert metered.usage.output_tokens == 0
    return brought, metered.usage.input_tokens


async def test_vectors_in_input_order(embed: Peer) -> None:
    vectors, tokens = await told(embed, Modality.EMBEDDING, input=TEXTS)
    assert isinstance(vectors, Vectors)
    assert (len(vectors.data), vectors.dimensions) == (3, DIMENSIONS)
    alone, first = await told(embed, Modality.EMBEDDING, input=TEXTS[:1])
    assert isinstance(alone, Vectors)
    assert cosines(alone.data[0], vectors.data[:1])[0] == pytest.approx(1, abs=0.01)
    assert 0 < first < tokens


async def test_a_vector_has_the_length_one(embed: Peer) -> None:
    vectors, _ = await told(embed, Modality.EMBEDDING, input=["hello"])
    assert isinstance(vectors, Vectors)
    numbers = struct.unpack(f"<{DIMENSIONS}f", vectors.data[0])
    assert sum(number * number for number in numbers) == pytest.approx(1, abs=0.02)


async def test_documents_are_ranked_by_cosine(embed: Peer) -> None:
    """The server's own route answers the first number of a vector when its model only embeds."""
    scores, tokens = await told(embed, Modality.RERANK, query=TEXTS[1], documents=TEXTS)
    assert isinstance(scores, Scores)
    assert max(scores.data) == scores.data[1] == pytest.approx(1, abs=0.01)
    vectors, alone = await told(embed, Modality.EMBEDDING, input=[TEXTS[1], *TEXTS])
    assert isinstance(vectors, Vectors)
    assert scores.data == pytest.approx(cosines(vectors.data[0], vectors.data[1:]), abs=0.01)
    assert tokens == alone


async def test_a_model_that_embeds_is_no_classifier_to_us(embed: Peer) -> None:
    (fault,) = await events_of(embed, call(Modality.CLASSIFY, input=["hello"]))
    assert isinstance(fault, Fault)
    assert fault.kind == "invalid"


async def test_classes_in_input_order(classifier: Peer) -> None:
    labels, tokens = await told(classifier, Modality.CLASSIFY, input=TEXTS)
    assert isinstance(labels, Labels)
    assert len(labels.data) == 3
    for label in labels.data:
        assert sum(label.probabilities) == pytest.approx(1, abs=0.001)
        most = label.probabilities.index(max(label.probabilities))
        assert label.name == f"class_{most}"
    assert tokens > 3


async def test_scores_of_a_model_that_ranks(ranker: Peer) -> None:
    scores, tokens = await told(ranker, Modality.RERANK, query="hello", documents=TEXTS)
    assert isinstance(scores, Scores)
    assert len(scores.data) == 3
    assert tokens > 3


@pytest.mark.parametrize("modality", [Modality.CHAT, Modality.COMPLETION])
async def test_a_conversation_never_reaches_a_server_that_embeds(
    embed: Peer, modality: Modality
) -> None:
    """It would end the whole server."""
    (fault,) = await events_of(embed, call(modality, prompt="hello"))
    assert isinstance(fault, Fault)
    assert fault.kind == "invalid"
    await told(embed, Modality.EMBEDDING, input=["still there"])


async def test_embeddings_of_a_server_that_generates_are_refused(chat: Peer) -> None:
    (fault,) = await events_of(chat, call(Modality.EMBEDDING, input=["hello"]))
    assert isinstance(fault, Fault)
    assert fault.kind == "invalid"


async def test_a_text_that_does_not_fit_is_told_as_such(embed: Peer) -> None:
    (fault,) = await events_of(embed, call(Modality.EMBEDDING, input=["hello " * 2 * CONTEXT]))
    assert isinstance(fault, Fault)
    assert fault.kind == "context"

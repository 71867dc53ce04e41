"""Answers of a server that embeds."""

import base64
import struct
from collections.abc import Mapping
from typing import Any

from tests.fake_sglang import shapes
from tests.fake_sglang.kind import Kind
from tests.fake_sglang.prompts import check_context
from tests.fake_sglang.refused import Refused
from tests.fake_sglang.words import tokens_of, vector


def embeddings(kind: Kind, body: Mapping[str, Any]) -> Any:
    texts = _inputs(kind, body)
    vectors = [vector(text, kind.dimensions) for text in texts]
    shown: list[Any] = vectors
    if body.get("encoding_format") == "base64":
        packed = (struct.pack(f"<{len(one)}f", *one) for one in vectors)
        shown = [base64.b64encode(one).decode() for one in packed]
    return shapes.embeddings(shown, kind.model, sum(map(tokens_of, texts)))


def rerank(kind: Kind, body: Mapping[str, Any]) -> Any:
    """The first number of each pair's vector: what the real one answers with a model that embeds."""
    query, documents = body.get("query"), body.get("documents")
    if not query:
        raise Refused(shapes.error("Query cannot be empty"))
    if not documents:
        raise Refused(shapes.error("Documents cannot be empty"))
    shown = body.get("return_documents", True)
    rows = [
        shapes.rerank_row(
            index,
            vector(f"{query} {document}", kind.dimensions)[0],
            tokens_of(str(query)) + tokens_of(document),
            document if shown else None,
        )
        for index, document in enumerate(documents)
    ]
    return sorted(rows, key=lambda row: -row["score"])[: body.get("top_n") or len(rows)]


def classes(kind: Kind, body: Mapping[str, Any]) -> Any:
    texts = _inputs(kind, body)
    rows = []
    for index, text in enumerate(texts):
        raised = [2.718281828**number for number in vector(text, kind.dimensions)]
        probabilities = [number / sum(raised) for number in raised]
        label = f"class_{probabilities.index(max(probabilities))}"
        row = {"index": index, "label": label, "probs": probabilities}
        rows.append({**row, "num_classes": len(probabilities)})
    return shapes.classes(rows, kind.model, sum(map(tokens_of, texts)))


def _inputs(kind: Kind, body: Mapping[str, Any]) -> list[str]:
    """Raises Refused: a list of inputs must come with a list of ids."""
    given = body.get("input")
    if not given:
        raise Refused(shapes.error("Input cannot be empty"))
    if isinstance(given, list) and isinstance(body.get("rid"), str):
        message = "Internal server error: The rid should be a list."
        raise Refused(shapes.error(message, "InternalServerError", 500), 500)
    texts = [given] if isinstance(given, str) else given
    longest = max(map(tokens_of, texts))
    check_context(kind.context, {}, longest, None)
    return texts

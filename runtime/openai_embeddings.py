"""An embeddings answer as vectors."""

import base64
import struct
from typing import Any

import orjson

from base.usage import Usage
from runtime.engine import Fault, Vectors


def vectors_of(body: bytes, inputs: int) -> tuple[Vectors, Usage] | Fault:
    """The vectors in input order and the usage. CPU-bound for large answers: call it in a thread."""
    try:
        answer = orjson.loads(body)
        rows = sorted(answer["data"], key=lambda row: int(row["index"]))
        data = tuple(_little_endian(row["embedding"]) for row in rows)
        usage = Usage(int(answer["usage"]["prompt_tokens"]))
    except (KeyError, OverflowError, TypeError, ValueError, struct.error):
        return _internal("an embeddings answer that can't be understood")
    sizes = {len(vector) for vector in data}
    if [row["index"] for row in rows] != list(range(inputs)) or len(sizes) != 1:
        return _internal("vectors are missing or of different lengths")
    return Vectors(data, sizes.pop() // 4), usage


def _little_endian(embedding: Any) -> bytes:
    """float32 from OpenAI's two spellings, base64 (already little-endian) and a list of numbers."""
    if isinstance(embedding, str):
        return base64.b64decode(embedding, validate=True)
    return struct.pack(f"<{len(embedding)}f", *embedding)


def _internal(detail: str) -> Fault:
    return Fault("internal", retryable=False, status=502, detail=detail)

"""An embeddings answer as vectors."""

import base64
import math
import struct
from array import array
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
    if 0 in sizes or not all(map(_finite, data)):
        return _internal("vectors without numbers")
    return Vectors(data, sizes.pop() // 4), usage


def _little_endian(embedding: Any) -> bytes:
    """float32 from OpenAI's two spellings, base64 (already little-endian) and a list of numbers."""
    if isinstance(embedding, str):
        vector = base64.b64decode(embedding, validate=True)
        if len(vector) % 4:
            raise ValueError("no vector of float32")
        return vector
    return struct.pack(f"<{len(embedding)}f", *embedding)


def _finite(vector: bytes) -> bool:
    """No sum of float32 overflows, but one infinite or no number spoils it."""
    return math.isfinite(sum(array("f", vector)))


def _internal(detail: str) -> Fault:
    return Fault("internal", retryable=False, status=502, detail=detail)

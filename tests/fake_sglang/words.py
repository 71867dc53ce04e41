"""The fake's model: words chosen by a digest, so that equal requests have equal answers."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

_VOCABULARY: Final = (
    " doe",
    " fox",
    " jumps",
    " over",
    " the",
    " lazy",
    " dog",
    " quick",
    " brown",
    "ld",
)
_PIECES: Final = re.compile(r"\w+|\s+|[^\w\s]")
TEMPLATE_TOKENS: Final = 4
"""What the chat template adds around each message, and once for the answer."""


def tokens_of(text: str) -> int:
    return len(_PIECES.findall(text))


def chat_tokens(messages: list[Mapping[str, Any]]) -> int:
    texts = (str(message.get("content")) for message in messages)
    return TEMPLATE_TOKENS + sum(TEMPLATE_TOKENS + tokens_of(text) for text in texts)


def words(prompt: str, choice: int) -> Iterator[str]:
    """An endless text, token by token."""
    number = 0
    while True:
        digest = hashlib.sha256(f"{prompt}|{choice}|{number}".encode()).digest()
        yield _VOCABULARY[digest[0] % len(_VOCABULARY)]
        number += 1


def logprob_of(token: str, rank: int = 0) -> float:
    return -1.0 - rank - hashlib.sha256(token.encode()).digest()[0] / 256


def alternatives(token: str, count: int) -> list[str]:
    others = [word for word in _VOCABULARY if word != token]
    return [token, *others][:count]


def vector(text: str, dimensions: int) -> list[float]:
    """A unit vector; texts with the same words lie near each other."""
    numbers = [0.0] * dimensions
    for piece in _PIECES.findall(text) or [""]:
        digest = hashlib.sha256(piece.encode()).digest()
        for place, byte in enumerate(digest):
            numbers[(place * 7 + byte) % dimensions] += byte / 255 - 0.5
    length = sum(number * number for number in numbers) ** 0.5 or 1.0
    return [number / length for number in numbers]

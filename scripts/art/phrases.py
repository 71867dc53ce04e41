"""Which words name which concept, and the concepts' vectors."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from runtime.local.sentences import SentenceModel
from scripts.art.glyphs import Glyph

TAG_LEAST: Final = 0.5
"""Cosine similarity of a tag and the name of its thing, below which the tag describes no thing."""
_BATCH: Final = 32
Vectors = NDArray[np.float32]


def plain(text: str) -> str:
    """Words as a prompt's words are compared: lower case, one space, no marks."""
    text = text.lower().replace("\u2019", "'")
    return " ".join(re.sub(r"[^a-z0-9'à-ÿ]+", " ", text).split())


def embedded(model: SentenceModel, texts: Sequence[str]) -> Vectors:
    """A unit vector a row."""
    rows: list[bytes] = []
    for start in range(0, len(texts), _BATCH):
        rows += model.vectors(model.encode(texts[start : start + _BATCH]))
    return np.frombuffer(b"".join(rows), "<f4").reshape(len(texts), -1)


def quantized(vectors: Vectors) -> bytes:
    """int8 by row, scaled to the row's largest component: its length is restored when it is read."""
    scaled = vectors / np.abs(vectors).max(axis=1, keepdims=True) * 127
    data: bytes = np.rint(scaled).astype(np.int8).tobytes()
    return data


def phrases(
    glyphs: Sequence[Glyph], names: Vectors, model: SentenceModel, curation: Mapping[str, Any]
) -> dict[str, tuple[int, str, int]]:
    """phrase -> (concept, how it was found, score in permille). Names win over aliases over tags."""
    by_name = {glyph.name: index for index, glyph in enumerate(glyphs)}
    found: dict[str, tuple[int, str, int]] = {}
    for index, glyph in enumerate(glyphs):
        found.setdefault(plain(glyph.name), (index, "label", 1000))
    for words, name in curation["alias"].items():
        if name not in by_name:
            raise ValueError(f"alias {words!r}: no concept is named {name!r}")
        found.setdefault(plain(words), (by_name[name], "alias", 1000))
    for index, glyph in enumerate(glyphs):
        found.setdefault(plain(glyph.label), (index, "label", 1000))
    _add_tags(found, glyphs, names, model, frozenset(curation["not_tags"]["words"]))
    return found


def _add_tags(
    found: dict[str, tuple[int, str, int]],
    glyphs: Sequence[Glyph],
    names: Vectors,
    model: SentenceModel,
    refused: frozenset[str],
) -> None:
    owners: dict[str, list[int]] = defaultdict(list)
    for index, glyph in enumerate(glyphs):
        for tag in glyph.tags:
            words = plain(tag)
            if len(words) > 1 and words not in found and words not in refused:
                owners[words].append(index)
    tags = sorted(owners)
    for words, vector in zip(tags, embedded(model, tags), strict=True):
        near = [(float(names[index] @ vector), -index) for index in owners[words]]
        score, index = max(near)
        if score >= TAG_LEAST:
            found[words] = (-index, "tag", round(1000 * min(score, 1.0)))

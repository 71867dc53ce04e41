"""The committed art set: what can be drawn, and which words name it."""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import orjson

ART_DIR: Final = Path(__file__).resolve().parent / "art"
UNITS: Final = 32.0
"""Width and height of the box that a concept's SVG is drawn in."""


@dataclass(frozen=True, slots=True)
class Concept:
    """One thing that can be drawn.

    ``box`` is x, y, width, height of its ink in the 32 x 32 box; ``top`` the height of its upper edge
    above its foot in 16 columns, in percent; ``paint`` its flat colours with their shares in permille;
    ``size`` its drawn height where a grown person is 1. ``place`` is ground, air, sky, water or afloat;
    ``wear`` the part of a body that it is worn on, or ""; ``into`` whether others can be put into it;
    ``fixed`` whether it must not be mirrored; ``body`` the colours of the body that a face gets.
    """

    index: int
    name: str
    kind: str
    svg: str
    box: tuple[float, float, float, float]
    top: tuple[int, ...]
    paint: tuple[tuple[str, int], ...]
    size: float
    place: str = "ground"
    wear: str = ""
    into: bool = False
    fixed: bool = False
    body: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """What a phrase names, ``how`` that is known (label, alias, tag, emoji) and how well (permille)."""

    concept: int
    how: str
    score: int


class Art:
    """The set. ``revision`` is its digest, as evidence names it."""

    def __init__(self, data: Mapping[str, Any], vectors: bytes, revision: str) -> None:
        self.revision = revision
        self.concepts = tuple(_concept(index, row) for index, row in enumerate(data["concepts"]))
        self.phrases = {words: Named(*row) for words, row in data["phrases"].items()}
        for index, row in enumerate(data["concepts"]):
            self.phrases.setdefault(_characters(row["hex"]), Named(index, "emoji", 1000))
        self._vectors = vectors

    @cached_property
    def vectors(self) -> Any:
        """A unit vector for each concept's name: numpy float32, concepts x dimensions."""
        import numpy as np

        rows = np.frombuffer(self._vectors, np.int8).reshape(len(self.concepts), -1)
        rows = rows.astype(np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    @cached_property
    def by_name(self) -> Mapping[str, Concept]:
        return {concept.name: concept for concept in self.concepts}


def load_art(folder: Path = ART_DIR) -> Art:
    """Reads the set. Blocking, about 60 ms: call it in a thread."""
    import hashlib

    packed = (folder / "art.json.gz").read_bytes()
    vectors = (folder / "vectors.i8").read_bytes()
    revision = hashlib.sha256(packed + vectors).hexdigest()
    return Art(orjson.loads(gzip.decompress(packed)), vectors, f"sha256:{revision}")


def _concept(index: int, row: Mapping[str, Any]) -> Concept:
    x, y, width, height = row["box"]
    return Concept(
        index=index,
        name=row["name"],
        kind=row["kind"],
        svg=row["svg"],
        box=(x, y, width, height),
        top=tuple(row["top"]),
        paint=tuple((colour, share) for colour, share in row["paint"]),
        size=row["size"],
        place=row.get("place", "ground"),
        wear=row.get("wear", ""),
        into=row.get("into", False),
        fixed=row.get("fixed", False),
        body=tuple(row["body"]) if "body" in row else None,
    )


def _characters(hexcode: str) -> str:
    """The emoji itself, without the selectors that ask for its coloured form."""
    return "".join(chr(int(part, 16)) for part in hexcode.split("-") if part != "fe0f")

"""The concept nearest in meaning to words that name none."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final

from runtime.local.illustrator.art import Art
from runtime.local.sentences import SentenceModel

LEAST: Final = 0.68
"""Cosine similarity from which the nearest concept is drawn; tests/contract/illustrator/nearest.json."""
AKIN: Final = 0.6
"""Similarity from which unknown words before a known noun are taken for its kind."""
_HEAD_ROOM: Final = 0.25
_SHARED_LETTERS: Final = 3


@dataclass(frozen=True, slots=True)
class Near:
    """A concept and how near it is, -1 to 1."""

    concept: int
    score: float


class Meaning:
    """Embeds words and compares them with the names of the concepts. Loads its model when first asked.

    Blocking, about 5 ms a phrase: call it in a thread; calls from several threads take turns.
    """

    def __init__(self, art: Art, load: Callable[[], SentenceModel]) -> None:
        self._art = art
        self._load = load
        self._model: SentenceModel | None = None
        self._lock = Lock()

    def nearest(self, words: str, most: int = 3) -> list[Near]:
        """The concepts nearest to these words, best first.

        A long word is cut into pieces by the model, and a piece may be the name of another thing
        (trampoline: tram). Such likeness of letters is taken off the score, and so is the likeness to
        the first of several words alone (a bicycle pump is no bicycle).
        """
        rows = [words]
        head = words.rpartition(" ")[2]
        if head != words:
            rows.append(head)
        whole, *heads = self._similar(rows)
        near = []
        for concept in (-whole).argsort()[: most + 5]:
            score = float(whole[concept])
            if heads:
                score = min(score, float(heads[0][concept]) + _HEAD_ROOM)
            else:
                score -= _likeness_of_letters(words, self._art.concepts[concept].name)
            near.append(Near(int(concept), score))
        return sorted(near, key=lambda one: -one.score)[:most]

    def akin(self, words: str, concept: int) -> bool:
        """Whether these words, whose last name that concept, mean something like it."""
        return float(self._similar([words])[0][concept]) >= AKIN

    def _similar(self, texts: Sequence[str]) -> Any:
        import numpy as np

        with self._lock:
            if self._model is None:
                self._model = self._load()
            made = self._model.vectors(self._model.encode(texts))
        return np.frombuffer(b"".join(made), "<f4").reshape(len(texts), -1) @ self._art.vectors.T


def _likeness_of_letters(word: str, name: str) -> float:
    worst = 0.0
    for part in name.lower().split():
        if part in (word, word + "s", word.removesuffix("s")) or len(part) < _SHARED_LETTERS:
            continue
        if part in word:
            worst = max(worst, 0.26)
        elif part[:_SHARED_LETTERS] == word[:_SHARED_LETTERS]:
            worst = max(worst, 0.15)
    return worst

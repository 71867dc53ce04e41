"""A sentence-embedding model on the CPU: tokens, vectors, nothing of engines or calls."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from tokenizers import Encoding

DIMENSIONS: Final = 384
MAX_TOKENS: Final = 512
_BATCH_TOKENS: Final = 2048


class SentenceModel:
    """all-MiniLM-L6-v2 with int8 weights. Every method blocks: call it in a thread.

    Vectors are the mean over real tokens, scaled to length 1. Weights alone are quantized, so a text's
    vector does not depend on what else is in its batch.
    """

    def __init__(self, weights: Path, tokenizer: Path) -> None:
        import onnxruntime  # type: ignore[import-untyped] # it ships no types
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session: Any = onnxruntime.InferenceSession(
            str(weights), options, providers=["CPUExecutionProvider"]
        )
        self._tokenizer = Tokenizer.from_file(str(tokenizer))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    def encode(self, texts: Sequence[str]) -> "list[Encoding]":
        """The tokens of each text, markers included, never cut."""
        return list(self._tokenizer.encode_batch(list(texts)))

    def vectors(self, encodings: "Sequence[Encoding]") -> list[bytes]:
        """The vector of each text, as little-endian float32."""
        import numpy as np

        lengths = [len(encoding.ids) for encoding in encodings]
        ids = np.zeros((len(encodings), max(lengths)), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, encoding in enumerate(encodings):
            ids[row, : lengths[row]] = encoding.ids
            mask[row, : lengths[row]] = 1
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        (hidden,) = self._session.run(None, feed)
        means = (hidden * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
        unit = means / np.linalg.norm(means, axis=1, keepdims=True)
        return [row.tobytes() for row in unit.astype("<f4")]


def cosines(query: bytes, documents: Sequence[bytes]) -> tuple[float, ...]:
    """How near each document is to the query, all as vectors of length 1; at least -1, at most 1."""
    import numpy as np

    table = np.frombuffer(b"".join(documents), dtype="<f4").reshape(len(documents), -1)
    found = np.clip(table @ np.frombuffer(query, dtype="<f4"), -1.0, 1.0)
    return tuple(float(score) for score in found)


def batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Positions of texts in batches of like length: little padding, bounded work each."""
    batch: list[int] = []
    for position in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and lengths[position] * (len(batch) + 1) > _BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(position)
    if batch:
        yield batch

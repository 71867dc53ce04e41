"""The local embedding engine: MiniLM in this process, in threads of its own."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

from base.usage import Usage
from runtime.engine import (
    EngineCall,
    EngineHealth,
    EngineState,
    Event,
    Fault,
    Load,
    Metered,
    Modality,
    Scores,
    Started,
    Vectors,
)
from runtime.local.sentences import DIMENSIONS, MAX_TOKENS, SentenceModel, batches, cosines

_log = logging.getLogger("batchin.embedder")
_STOPPED: Final = Fault("unavailable", retryable=True, status=503, detail="the embedder is not up")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class EmbeddingWeights:
    """The model's files; ``revision`` names the weights in evidence."""

    weights: Path
    tokenizer: Path
    id: str
    revision: str


class LocalEmbedder:
    """Runs embedding calls, and rerank calls, whose scores are the cosines of vectors. Calls share the
    threads batch by batch; a call that leaves stops after the batch it is in."""

    def __init__(self, weights: EmbeddingWeights, threads: int) -> None:
        self._weights = weights
        self._threads = threads
        self._state = EngineState.STARTING
        self._running: set[str] = set()
        self._model: SentenceModel | None = None
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="embedder")

    @property
    def id(self) -> str:
        return "local-embedder"

    @property
    def modalities(self) -> frozenset[Modality]:
        return frozenset({Modality.EMBEDDING, Modality.RERANK})

    @property
    def models(self) -> frozenset[str]:
        return frozenset({self._weights.id})

    @property
    def state(self) -> EngineState:
        return self._state

    def run(self, call: EngineCall) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        return aclosing(self._events(call))

    async def abort(self, rid: str) -> None:
        """End a run after the batch it is in."""
        self._running.discard(rid)

    async def load(self) -> Load:
        return Load(len(self._running), 0, self._threads)

    async def ready(self) -> bool:
        return self._model is not None

    def health(self) -> EngineHealth:
        return EngineHealth(self.id, self._state, (self._weights.id,))

    async def __aenter__(self) -> Self:
        """Loads the model and runs it once, so that the first call is as fast as the next."""
        self._model = await self._in_thread(self._load)
        self._state = EngineState.READY
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._state = EngineState.STOPPED
        self._model = None
        self._running.clear()
        await asyncio.to_thread(self._pool.shutdown, wait=True, cancel_futures=True)

    def _load(self) -> SentenceModel:
        model = SentenceModel(self._weights.weights, self._weights.tokenizer)
        model.vectors(model.encode(["warm"]))
        return model

    async def _events(self, call: EngineCall) -> AsyncGenerator[Event, None]:
        model = self._model
        if model is None:
            yield _STOPPED
            return
        self._running.add(call.rid)
        try:
            async with aclosing(self._embedded(model, call)) as events:
                async for event in events:
                    yield event
        except Exception:  # noqa: BLE001 - whatever a library raises, callers get a Fault
            _log.exception("an embedding run failed")
            yield Fault("internal", retryable=False, status=500)
        finally:
            self._running.discard(call.rid)

    async def _embedded(self, model: SentenceModel, call: EngineCall) -> AsyncGenerator[Event, None]:
        texts = _texts(call)
        encodings = await self._in_thread(partial(model.encode, texts))
        lengths = [len(encoding.ids) for encoding in encodings]
        if max(lengths) > MAX_TOKENS:
            detail = f"a text has {max(lengths)} tokens, the model takes {MAX_TOKENS}"
            yield Fault("context", retryable=False, status=400, detail=detail)
            return
        yield Started(self._weights.id, self._weights.revision, "onnxruntime", _engine_version())
        vectors: dict[int, bytes] = {}
        for batch in batches(lengths):
            if call.rid not in self._running:
                yield Fault("unavailable", retryable=True, status=503, detail="aborted")
                return
            part = [encodings[position] for position in batch]
            made = await self._in_thread(partial(model.vectors, part))
            vectors.update(zip(batch, made, strict=True))
        ordered = [vectors[position] for position in range(len(texts))]
        if call.modality is Modality.RERANK:
            yield Scores(await self._in_thread(partial(cosines, ordered[0], ordered[1:])))
        else:
            yield Vectors(tuple(ordered), DIMENSIONS)
        yield Metered(Usage(input_tokens=sum(lengths)))

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)


def _texts(call: EngineCall) -> list[str]:
    if call.modality is Modality.RERANK:
        return [call.body["query"], *call.body["documents"]]
    return list(call.body["input"])


def _engine_version() -> str:
    return metadata.version("onnxruntime")

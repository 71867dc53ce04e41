"""The local engines and the models that they answer for."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from base.settings import ModelSettings, Settings
from runtime.catalog import Model, entry_card
from runtime.engine import Modality
from runtime.http.message import Limits
from runtime.local.aliases import aliases_of
from runtime.local.artifacts import (
    ARTIFACTS,
    CHAT_WEIGHTS,
    EMBEDDING_TOKENIZER,
    EMBEDDING_WEIGHTS,
    Artifact,
    ArtifactCache,
)
from runtime.local.chat import ChatWeights, LocalChat
from runtime.local.child_engine import ChildEngine
from runtime.local.cores import engine_threads
from runtime.local.embedder import EmbeddingWeights, LocalEmbedder
from runtime.local.fetch import Report, fetch
from runtime.local.pictures import picture_engines
from runtime.local.sentences import DIMENSIONS, MAX_TOKENS
from runtime.local.voice import voice_engines
from runtime.local.weights import BUNDLED, DEFAULT_CONTEXT, SMOLLM2_ID, chat_weights

MINILM_ID: Final = "all-minilm-l6-v2-int8"
RERANK_ID: Final = "all-minilm-l6-v2-int8-cosine"
_OWNERS: Final = {SMOLLM2_ID: "HuggingFaceTB", MINILM_ID: "sentence-transformers"}
_REASONING: Final = frozenset({"reasoning_effort"})
_OPEN_LICENSE: Final = "Apache-2.0"


def local_engines(
    settings: Settings, limits: Limits, cache: Path, report: Report
) -> tuple[list[LocalChat | LocalEmbedder | ChildEngine], list[Model]]:
    """The engines, not yet started, and their models. Fetches what is missing: call it in a thread.

    A ``[[models]]`` entry with a local model's id sets its prices, aliases, licence and, for chat, its
    context. Raises FetchError and SettingsError.
    """
    fetch(cache, report, _needed(settings.model))
    entries = {entry.id: entry for entry in settings.models}
    threads = settings.engine_threads or engine_threads()
    chat = chat_weights(settings.model, cache, lambda name: _context(entries, name))
    embedding = _embedding_weights(cache)
    models = [
        _chat_model(chat, settings, entries.get(chat.id)),
        _embedding_model(embedding, settings, entries.get(embedding.id)),
        _rerank_model(settings, entries.get(RERANK_ID)),
    ]
    engines, spoken = voice_engines(settings, threads)
    painters, painted = picture_engines(settings, embedding)
    return [
        LocalChat(chat, settings.max_running, threads, limits),
        LocalEmbedder(embedding, threads),
        *engines,
        *painters,
    ], [*models, *spoken, *painted]


def _needed(model: str) -> tuple[Artifact, ...]:
    if model == BUNDLED:
        return ARTIFACTS
    return tuple(artifact for artifact in ARTIFACTS if artifact is not CHAT_WEIGHTS)


def _context(entries: Mapping[str, ModelSettings], name: str) -> int:
    return entries[name].context_length if name in entries else DEFAULT_CONTEXT


def _embedding_weights(cache: Path) -> EmbeddingWeights:
    files = ArtifactCache(cache)
    return EmbeddingWeights(
        weights=files.path(EMBEDDING_WEIGHTS),
        tokenizer=files.path(EMBEDDING_TOKENIZER),
        id=MINILM_ID,
        revision=f"sha256:{EMBEDDING_WEIGHTS.sha256}",
    )


def _chat_model(weights: ChatWeights, settings: Settings, entry: ModelSettings | None) -> Model:
    given = entry or ModelSettings(
        id=weights.id,
        modality="chat",
        license=_OPEN_LICENSE if weights.id == SMOLLM2_ID else "unknown",
    )
    return Model(
        id=weights.id,
        modality=Modality.CHAT,
        engine_model=weights.id,
        card=entry_card(given),
        context_length=weights.context_length,
        license=given.license,
        aliases=aliases_of(Modality.CHAT, settings, given),
        status=given.status or "always_on",
        owned_by=_OWNERS.get(weights.id, "local"),
        refuses=_REASONING if weights.calls else _REASONING | {"tools"},
    )


def _embedding_model(
    weights: EmbeddingWeights, settings: Settings, entry: ModelSettings | None
) -> Model:
    given = entry or ModelSettings(
        id=weights.id,
        modality="embedding",
        input_usd_per_mtok="0.01",
        output_usd_per_mtok="0",
        license=_OPEN_LICENSE,
    )
    return Model(
        id=weights.id,
        modality=Modality.EMBEDDING,
        engine_model=weights.id,
        card=entry_card(given),
        context_length=MAX_TOKENS,
        license=given.license,
        aliases=aliases_of(Modality.EMBEDDING, settings, given),
        status=given.status or "always_on",
        dimensions=DIMENSIONS,
        owned_by=_OWNERS[weights.id],
    )


def _rerank_model(settings: Settings, entry: ModelSettings | None) -> Model:
    """The embedding model again: documents are ranked by the cosine of their vectors and the query's."""
    given = entry or ModelSettings(
        id=RERANK_ID,
        modality="rerank",
        input_usd_per_mtok="0.01",
        output_usd_per_mtok="0",
        license=_OPEN_LICENSE,
    )
    return Model(
        id=RERANK_ID,
        modality=Modality.RERANK,
        engine_model=MINILM_ID,
        card=entry_card(given),
        context_length=MAX_TOKENS,
        license=given.license,
        aliases=aliases_of(Modality.RERANK, settings, given),
        status=given.status or "always_on",
        owned_by=_OWNERS[MINILM_ID],
    )

"""The illustrator as the server has it: the real art, the real model."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from base.settings import load_settings
from runtime.local.artifacts import (
    EMBEDDING_TOKENIZER,
    EMBEDDING_WEIGHTS,
    Artifact,
    ArtifactCache,
    user_cache_dir,
)
from runtime.local.embedder import EmbeddingWeights
from runtime.local.fetch import fetch
from runtime.local.illustrator.art import load_art
from runtime.local.illustrator.engine import LocalIllustrator
from runtime.local.illustrator.meaning import Meaning
from runtime.local.illustrator.planner import Planner
from runtime.local.lazy_child import Patience
from runtime.local.sentences import SentenceModel


def weights() -> EmbeddingWeights:
    """The embedding model's files, fetched where they are missing."""
    cache: Path = load_settings().cache_dir or user_cache_dir()
    fetch(cache, _silent, (EMBEDDING_WEIGHTS, EMBEDDING_TOKENIZER))
    files = ArtifactCache(cache)
    return EmbeddingWeights(
        files.path(EMBEDDING_WEIGHTS), files.path(EMBEDDING_TOKENIZER), "minilm", "sha256:test"
    )


def _silent(_: Artifact, __: int) -> None:
    return None


@pytest.fixture(scope="package")
def planner() -> Planner:
    art, files = load_art(), weights()
    return Planner(art, Meaning(art, lambda: SentenceModel(files.weights, files.tokenizer)))


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def illustrator() -> AsyncIterator[LocalIllustrator]:
    async with LocalIllustrator(weights(), 4, Patience(silence_s=60, idle_s=600)) as engine:
        yield engine

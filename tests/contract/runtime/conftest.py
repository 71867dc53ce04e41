"""The local engines, started once for the tests that only ask them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from base.settings import load_settings
from runtime.http.message import DEFAULT_LIMITS, Limits
from runtime.local.artifacts import Artifact, user_cache_dir
from runtime.local.build import local_engines
from runtime.local.chat import LocalChat
from runtime.local.embedder import LocalEmbedder


def silent(_: Artifact, __: int) -> None:
    return None


def new_engines(limits: Limits = DEFAULT_LIMITS) -> tuple[LocalChat, LocalEmbedder]:
    """Engines as ``batchin serve`` makes them, not started."""
    settings = load_settings(max_running=4)
    cache: Path = settings.cache_dir or user_cache_dir()
    (chat, embedder, *_), _ = local_engines(settings, limits, cache, silent)
    assert isinstance(chat, LocalChat)
    assert isinstance(embedder, LocalEmbedder)
    return chat, embedder


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def chat() -> AsyncIterator[LocalChat]:
    async with new_engines()[0] as engine:
        yield engine


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def embedder() -> AsyncIterator[LocalEmbedder]:
    async with new_engines()[1] as engine:
        yield engine

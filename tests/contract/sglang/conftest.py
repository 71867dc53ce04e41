"""The contract: against the fake server in every run, against a real SGLang with ``-m sglang``."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from runtime.engine import Modality
from tests.contract.sglang.peers import Peer, Peers, fake_peers, real_peers

_START_S = 900  # the first run installs 2.5 GB


@pytest_asyncio.fixture(
    scope="package",
    loop_scope="package",
    params=["fake", pytest.param("real", marks=(pytest.mark.sglang, pytest.mark.timeout(_START_S)))],
)
async def peers(request: pytest.FixtureRequest) -> AsyncIterator[Peers]:
    async with fake_peers() if request.param == "fake" else real_peers() as both:
        yield both


@pytest.fixture
def chat(peers: Peers) -> Peer:
    return peers.chat


@pytest.fixture
def embed(peers: Peers) -> Peer:
    return peers.embed


@pytest.fixture
def classifier(peers: Peers) -> Peer:
    """The server that embeds, had its model been trained to classify."""
    return replace(peers.embed, kind=Modality.CLASSIFY)


@pytest.fixture
def ranker(peers: Peers) -> Peer:
    """The server that embeds, had its model been trained to rank."""
    return replace(peers.embed, kind=Modality.RERANK)

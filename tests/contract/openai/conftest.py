"""The official SDK on the shared server, as two accounts."""

from collections.abc import Iterator

import pytest
from openai import OpenAI

from tests.live import LiveServer
from tests.operator import new_key


@pytest.fixture
def client(live_server: LiveServer) -> Iterator[OpenAI]:
    with OpenAI(base_url=live_server.url + "/v1", api_key=live_server.api_key, max_retries=0) as client:
        yield client


@pytest.fixture
def stranger(live_server: LiveServer) -> Iterator[OpenAI]:
    """Somebody else, with an account and a balance of their own."""
    key = new_key(live_server.data_dir)
    with OpenAI(base_url=live_server.url + "/v1", api_key=key, max_retries=0) as client:
        yield client


@pytest.fixture
def poor(live_server: LiveServer) -> Iterator[OpenAI]:
    """An account without a balance."""
    key = new_key(live_server.data_dir, 0)
    with OpenAI(base_url=live_server.url + "/v1", api_key=key, max_retries=0) as client:
        yield client

"""One real server for all contract tests: the embedded model, the dev chain, the books."""

from collections.abc import Iterator

import pytest

from tests.live import LiveServer, running


@pytest.fixture(scope="session")
def live_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with running(tmp_path_factory.mktemp("live") / "data") as server:
        yield server

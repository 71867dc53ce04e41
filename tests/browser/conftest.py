"""A server for each file of walks."""

from collections.abc import Iterator

import pytest

from tests.live import LiveServer, running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with running(tmp_path_factory.mktemp("pages") / "data", BATCHIN_X402="false") as live:
        yield live

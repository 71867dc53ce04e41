"""The shared server as its operator sees it, and one of its own that is short of patience."""

from collections.abc import Iterator

import pytest

from tests.live import LiveServer, running
from tests.watched import Watched


@pytest.fixture(scope="session")
def watched(live_server: LiveServer) -> Watched:
    return Watched(live_server)


@pytest.fixture(scope="session")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Cuts slow senders after half a second and stalled readers after one."""
    folder = tmp_path_factory.mktemp("hasty") / "data"
    env = {
        "BATCHIN_X402": "false",
        "BATCHIN_HEADER_TIMEOUT_S": "0.5",
        "BATCHIN_SEND_TIMEOUT_S": "1",
        "BATCHIN_MAX_BODY_BYTES": "4096",
    }
    with running(folder, **env) as server:
        yield Watched(server)

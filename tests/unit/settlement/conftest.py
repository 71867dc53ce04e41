"""One development chain for all the tests of settlement: each uses wallets of its own on it."""

from collections.abc import Iterator

import pytest

from settlement.chain.devchain import DevChain
from tests.chains import running_chain


@pytest.fixture(scope="session")
def dev_chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevChain]:
    with running_chain(tmp_path_factory.mktemp("chain")) as chain:
        yield chain

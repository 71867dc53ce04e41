"""The answers have the shapes that were recorded: of the fake, so that it does not drift from the real
server, and of the real server, so that the record does not."""

import pytest

from tests.contract.sglang.peers import Peers
from tests.contract.sglang.probes import PROBES, answer
from tests.contract.sglang.record import recorded

pytestmark = pytest.mark.asyncio(loop_scope="package")


@pytest.mark.parametrize("name", PROBES)
async def test_the_shape_is_as_recorded(peers: Peers, name: str) -> None:
    assert await answer(peers, PROBES[name]) == recorded()[name]

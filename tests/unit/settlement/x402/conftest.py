"""A fresh rail for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.settlement.x402.house import Chain, Clock, House, Payer, opened


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path, Chain(Clock())) as house:
        yield house


@pytest.fixture
def payer() -> Payer:
    return Payer()

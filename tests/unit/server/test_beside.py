"""Work beside a block that fails does so aloud."""

import asyncio
import logging

import pytest

from server.beside import beside


async def failing() -> None:
    raise KeyError("it broke")


async def lasting() -> None:
    await asyncio.Event().wait()


async def test_work_that_fails_is_told_of_at_once(caplog: pytest.LogCaptureFixture) -> None:
    async with beside(failing()):
        for _ in range(3):  # it fails, then that is told
            await asyncio.sleep(0)
    [told] = caplog.records
    assert (told.levelno, told.message) == (logging.CRITICAL, "failing ended and is not begun again")
    assert told.exc_info is not None


async def test_work_that_ends_with_its_block_is_not(caplog: pytest.LogCaptureFixture) -> None:
    async with beside(lasting()):
        await asyncio.sleep(0)
    assert not caplog.records

"""Regressions go on when the store does."""

import asyncio
from typing import Any
from unittest.mock import patch

from storage.errors import StorageUnavailable
from tools.prompts import replay
from tools.prompts.replay import Replays


class Trials:
    """Whose store fails at the first look; ``seen`` is set at the next."""

    def __init__(self) -> None:
        self.looks = 0
        self.seen = asyncio.Event()

    async def open(self) -> list[Any]:
        self.looks += 1
        if self.looks == 1:
            raise StorageUnavailable("The store can't be read.")
        self.seen.set()
        return []


async def test_a_store_that_fails_once_ends_nothing() -> None:
    trials, other = Trials(), None
    parts: list[Any] = [other, trials, *[other] * 9]
    with patch.object(replay, "_AGAIN_S", 0.0):
        task = asyncio.create_task(Replays(*parts).run())
        looked = asyncio.create_task(trials.seen.wait())
        await asyncio.wait((task, looked), return_when=asyncio.FIRST_COMPLETED)
        assert looked.done()
        task.cancel()
        await asyncio.wait((task,))

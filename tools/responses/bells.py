"""Wakes those in this process who wait for news of a response."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Bells:
    """One bell a name. Whoever listens looks first and waits then, so no ring is missed."""

    def __init__(self) -> None:
        self._listening: dict[str, set[asyncio.Event]] = {}

    @contextmanager
    def listening(self, name: str) -> Iterator[asyncio.Event]:
        """Set when the bell rings; whoever heard it clears it."""
        bell = asyncio.Event()
        mine = self._listening.setdefault(name, set())
        mine.add(bell)
        try:
            yield bell
        finally:
            mine.discard(bell)
            if not mine:
                self._listening.pop(name, None)

    def ring(self, name: str) -> None:
        for bell in self._listening.get(name, ()):
            bell.set()

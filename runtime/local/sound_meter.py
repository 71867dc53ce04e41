"""How long a sound is, found by decoding it in a child process: a hostile file takes down that alone."""

import asyncio
import importlib.util
from contextlib import aclosing
from typing import Final

from base.child import Program
from base.errors import EngineError, InvalidRequest
from base.upload import Upload
from runtime.local.lazy_child import ChildDown, ChildStalled, LazyChild, Patience

_PACKAGES: Final = ("av", "numpy")
_READY_S: Final = 60.0
_AT_ONCE: Final = 2


class SoundMeter:
    """Asks a child that answers ``{"ask": "measure"}``, of few files at once: nobody paid yet."""

    def __init__(self, child: LazyChild) -> None:
        self._child = child
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def measure(self, sound: Upload) -> int:
        """Its length in milliseconds.

        Raises InvalidRequest for what can't be decoded or is too long, and EngineError.
        """
        try:
            asked = {"ask": "measure", "path": str(sound.path)}
            async with self._turns, aclosing(self._child.ask(asked)) as frames:
                async for head, _ in frames:
                    if head["event"] == "measured":
                        return int(head["audio_ms"])
                    if head["kind"] == "invalid":
                        raise InvalidRequest(str(head["detail"]), param="file")
        except (ChildDown, ChildStalled):
            pass
        raise EngineError("What decodes sound went away while it read the file.")

    async def stop(self) -> None:
        await self._child.stop()


def meter_installed() -> bool:
    """Whether what decodes sound is there: a part of the extra ``stt``."""
    return all(importlib.util.find_spec(name) for name in _PACKAGES)


def sound_meter(most_s: float, patience: Patience) -> SoundMeter:
    """A meter with a child of its own, which refuses sounds longer than ``most_s`` seconds."""
    program = Program(
        name="sound meter",
        module="runtime.local.sound_meter_child",
        request={"most_s": most_s},
        ready_s=_READY_S,
    )
    return SoundMeter(LazyChild(program, patience))

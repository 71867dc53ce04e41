"""Looks after a child that serves HTTP: it is asked each second whether it does, and ended when it says
nothing at all for too long."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from base.child import Child
from runtime.openai_http import OpenAiHttp

_PAUSE_S: Final = 1.0
_ANSWER_S: Final = 5.0
_log = logging.getLogger("batchin.child")


async def serves(http: OpenAiHttp) -> bool | None:
    """Whether a child says that it serves; None where it says nothing in time."""
    try:
        async with asyncio.timeout(_ANSWER_S):
            return await http.serves()
    except TimeoutError:
        return None


async def keep_watch(
    child: Child,
    http: OpenAiHttp,
    silence_s: float,
    told: Callable[[bool], None] = lambda serves: None,
) -> None:
    """Tell each second whether the child serves. One that says no is left alone; one that says nothing
    for ``silence_s``, on no run either, is ended, and whoever keeps it starts it again."""
    clock = asyncio.get_running_loop().time
    silent_s, since_s = 0.0, clock()
    while silent_s <= silence_s:
        await asyncio.sleep(_PAUSE_S)
        answer = await serves(http)
        told(answer is True)
        silent = answer is None and http.heard_s <= since_s
        waited_s = min(clock() - since_s, _PAUSE_S + _ANSWER_S)  # if we slept, that is no silence of its
        silent_s = silent_s + waited_s if silent else 0.0
        since_s = clock()
    _log.warning("%s said nothing for %.0f s: it is ended", child.name, silent_s)
    child.kill()

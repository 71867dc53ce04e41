"""The embedded image engine: composes vector art from a prompt. It is no neural image model."""

import importlib.util
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any, Final

from base.child import Program
from base.errors import EngineError, EngineOverloaded, InvalidRequest, ServiceUnavailable
from runtime.engine import EngineCall, Modality
from runtime.local.child_engine import ChildEngine, Trade
from runtime.local.embedder import EmbeddingWeights
from runtime.local.frames import Frame
from runtime.local.illustrator.planner import Undrawable, Unknown
from runtime.local.lazy_child import ChildDown, ChildStalled, LazyChild, Patience

ILLUSTRATOR_ID: Final = "embedded-illustrator"
_READY_S: Final = 60.0
_MOST_LOOKS: Final = 64
"""Prompts that are read at once: nobody has paid for that yet."""


def illustrator_installed() -> bool:
    """Whether the renderer of the extra ``local`` is there."""
    return importlib.util.find_spec("resvg_py") is not None


class LocalIllustrator(ChildEngine):
    """The engine, which also tells before anything is paid whether it can draw a prompt."""

    def __init__(self, weights: EmbeddingWeights, limit: int, patience: Patience) -> None:
        program = Program(
            name="illustrator",
            module="runtime.local.illustrator.child",
            request={"weights": str(weights.weights), "tokenizer": str(weights.tokenizer)},
            ready_s=_READY_S,
        )
        self._studio = LazyChild(program, patience)
        trade = Trade("local-illustrator", Modality.IMAGE, ILLUSTRATOR_ID, _asked)
        super().__init__(trade, self._studio, limit)
        self._looks = 0

    async def check(self, prompt: str) -> str:
        """What would be drawn, in a sentence.

        Raises Undrawable, InvalidRequest for a prompt that names nothing or too much, EngineOverloaded,
        ServiceUnavailable.
        """
        if self._looks == _MOST_LOOKS:
            raise EngineOverloaded("Too many prompts wait to be read.", retry_after_s=1)
        self._looks += 1
        try:
            async with aclosing(self._studio.ask({"ask": "look", "prompt": prompt})) as frames:
                async for head, _ in frames:
                    return _seen(head)
        except (ChildDown, ChildStalled):
            pass
        finally:
            self._looks -= 1
        raise ServiceUnavailable("The illustrator is being restarted.", retry_after_s=1)


def _seen(head: Mapping[str, Any]) -> str:
    match head["event"]:
        case "drawable":
            return str(head["told"])
        case "unknown":
            raise Undrawable([_unknown(**one) for one in head["unknown"]])
        case "refused":
            resolution = str(head["resolution"])
            raise InvalidRequest(str(head["message"]), param="prompt", resolution=resolution)
        case _:
            raise EngineError("The illustrator could not read the prompt.")


def _unknown(words: str, nearest: list[list[str | float]]) -> Unknown:
    return Unknown(words, tuple((str(name), float(score)) for name, score in nearest))


def _asked(call: EngineCall) -> Frame:
    return {**call.body, "ask": "draw"}, b""

"""A run whose answer comes all at once: it is gathered with its usage, then shown."""

from collections.abc import AsyncIterator, Callable
from typing import Generic, TypeVar

from base.usage import Usage
from runtime.engine import Event, Labels, Metered, Scores, Vectors
from settlement.rail import Served
from tools.core import Ran, Result
from tools.engine_run import EngineRun

AnswerT = TypeVar("AnswerT", Vectors, Scores, Labels)


class AtOnce(Generic[AnswerT]):
    """One execution. ``shown`` makes the result of the engine's answer, its usage and where it ran;
    ``answer`` is the empty one, and what is gathered in its place."""

    def __init__(
        self,
        run: EngineRun,
        answer: AnswerT,
        shown: Callable[[AnswerT, Usage, Ran | None], Result],
    ) -> None:
        self._run = run
        self._answer: AnswerT = answer
        self._shown: Callable[[AnswerT, Usage, Ran | None], Result] = shown
        self._usage = Usage()

    def reserve(self) -> None:
        self._run.reserve()

    async def start(self) -> Served:
        return await self._run.start()

    async def events(self) -> AsyncIterator[Event]:
        """Nothing of the answer: there is nothing to show before all is there."""
        async for event in self._run.events():
            if isinstance(event, type(self._answer)):
                self._answer = event
            elif isinstance(event, Metered):
                self._usage = event.usage
            else:
                yield event

    def result(self) -> Result:
        return self._shown(self._answer, self._usage, self._run.ran)

    async def close(self) -> None:
        await self._run.close()

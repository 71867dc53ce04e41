"""A run of the chat tool, all of whose pieces are kept for the streams of its response."""

from collections.abc import AsyncIterator

from runtime.engine import Delta
from settlement.rail import Served
from tools.core import Result
from tools.responses.pieces import PieceLog
from tools.responses.tool import Answering


class NotedChat:
    """``logprobs`` says whether the response shows those of its texts."""

    def __init__(self, chat: Answering, log: PieceLog, *, logprobs: bool) -> None:
        self._chat = chat
        self._log = log
        self._logprobs = logprobs

    @property
    def finish_reason(self) -> str:
        return self._chat.finish_reason

    @property
    def attempt(self) -> int:
        return self._chat.attempt

    def reserve(self) -> None:
        self._chat.reserve()

    async def start(self) -> Served:
        served = await self._chat.start()
        self._log.begin(logprobs=self._logprobs)
        return served

    async def events(self) -> AsyncIterator[Delta]:
        """Ends when all is kept. Raises StorageUnavailable where it can't be."""
        attempt = self._chat.attempt
        async for delta in self._chat.events():
            if attempt != self._chat.attempt:
                attempt = self._chat.attempt
                self._log.begin(logprobs=self._logprobs)
            self._log.add(delta)
            yield delta
        await self._log.end()

    def result(self) -> Result:
        return self._chat.result()

    async def close(self) -> None:
        self._log.close()
        await self._chat.close()

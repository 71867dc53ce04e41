"""A thread that runs one job after another for the event loop."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")


class Worker:
    """One daemon thread, one hop a job. What it owns (a connection) is touched by its jobs alone."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._jobs: SimpleQueue[tuple[Callable[[], Any], asyncio.Future[Any]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def run(self, job: Callable[[], T]) -> "asyncio.Future[T]":
        """Queue a job. It runs to its end even when nobody waits for it any more."""
        future: asyncio.Future[T] = self._loop.create_future()
        self._jobs.put((job, future))
        return future

    async def close(self) -> None:
        """Run what is queued, then end the thread."""
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    def _work(self) -> None:
        while (item := self._jobs.get()) is not None:
            self._do(*item)
            del item  # else it would live until the next one comes

    def _do(self, job: Callable[[], Any], future: asyncio.Future[Any]) -> None:
        try:
            result = job()
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits for the job
            self._tell(_reject, future, error)
        else:
            self._tell(_resolve, future, result)

    def _tell(self, tell: Callable[..., None], future: asyncio.Future[Any], outcome: Any) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            self._loop.call_soon_threadsafe(tell, future, outcome)


def _resolve(future: asyncio.Future[Any], result: Any) -> None:
    if not future.done():
        future.set_result(result)


def _reject(future: asyncio.Future[Any], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)

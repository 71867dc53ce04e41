"""What an operator does with the engines of a running server: list, check, stop and start them.

Stopping routes no more calls to an engine, waits for those that run, and then ends it where it is ours
to end (SGLang takes calls while it is being ended). Both take long: an operation begins them and the
list tells how far they are.
"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from time import perf_counter
from types import TracebackType
from typing import Any, Final, Protocol, Self, runtime_checkable

from pydantic import Field

from base.child import ChildFailed
from base.errors import Conflict, InvalidRequest
from runtime.engine import Engine, EngineHealth, EngineState
from server.operations import Arguments, NoArguments, Operation

_POLL_S: Final = 0.1
_CHECK_S: Final = 10.0


class NamedEngine(Arguments):
    id: str = Field(min_length=1, max_length=128, description="As engines.list shows it.")


@runtime_checkable
class Ours(Protocol):
    """An engine that this server runs itself. ``start`` raises ChildFailed."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class Routed(Protocol):
    """An engine in the pool."""

    @property
    def id(self) -> str: ...

    @property
    def engine(self) -> Engine: ...

    def health(self) -> EngineHealth:
        """``detail["running"]`` is how many of our calls run there."""

    def drain(self) -> None: ...

    def resume(self) -> None: ...


class Pool(Protocol):
    """The engines of the server."""

    def __iter__(self) -> Iterator[Routed]: ...

    def get(self, replica_id: str) -> Routed | None: ...


class EnginesOffice:
    """Entered for as long as the server runs; leaving gives up what was begun."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._changes: dict[str, _Change] = {}

    def operations(self) -> Mapping[str, Operation]:
        return {
            "engines.list": Operation(NoArguments, self._list),
            "engines.check": Operation(NoArguments, self._check),
            "engines.stop": Operation(NamedEngine, self._stop),
            "engines.start": Operation(NamedEngine, self._start),
        }

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        tasks = [change.task for change in self._changes.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _list(self, _: NoArguments) -> list[dict[str, Any]]:
        return [self._row(routed) for routed in self._pool]

    async def _check(self, _: NoArguments) -> list[dict[str, Any]]:
        """Asks each engine itself, now."""
        return list(await asyncio.gather(*(self._checked(routed) for routed in self._pool)))

    async def _stop(self, asked: NamedEngine) -> dict[str, Any]:
        routed = self._named(asked.id)
        routed.drain()
        self._begin("stopping", routed, self._halt(routed))
        return self._row(routed)

    async def _start(self, asked: NamedEngine) -> dict[str, Any]:
        routed = self._named(asked.id)
        self._begin("starting", routed, self._go_on(routed))
        return self._row(routed)

    def _named(self, engine_id: str) -> Routed:
        """Raises InvalidRequest, and Conflict while the engine is being stopped or started."""
        routed = self._pool.get(engine_id)
        if routed is None:
            ids = ", ".join(one.id for one in self._pool) or "none"
            raise InvalidRequest(f"There is no engine {engine_id!r}; there is {ids}.", param="id")
        change = self._changes.get(engine_id)
        if change is not None and not change.task.done():
            raise Conflict(f"The engine {engine_id} is {change.what} already.")
        return routed

    def _begin(self, what: str, routed: Routed, doing: Any) -> None:
        self._changes[routed.id] = _Change(what, asyncio.create_task(doing))

    async def _halt(self, routed: Routed) -> str:
        while routed.health().detail.get("running", 0):  # noqa: ASYNC110 - a pool has no event for it
            await asyncio.sleep(_POLL_S)
        if isinstance(routed.engine, Ours):
            await routed.engine.stop()
        return ""

    async def _go_on(self, routed: Routed) -> str:
        """Why it did not start, empty when it did."""
        if isinstance(routed.engine, Ours):
            try:
                await routed.engine.start()
            except (ChildFailed, OSError) as error:
                return str(error)
        routed.resume()
        return ""

    def _row(self, routed: Routed) -> dict[str, Any]:
        health = routed.health()
        change = self._changes.get(health.id)
        return {
            "id": health.id,
            "state": str(health.state),
            "models": list(health.models),
            "restarts": health.restarts,
            "running": health.detail.get("running", 0),
            "ours": isinstance(routed.engine, Ours),
            "busy": change.what if change is not None and not change.task.done() else None,
            "problem": change.problem if change is not None else None,
        }

    async def _checked(self, routed: Routed) -> dict[str, Any]:
        began_s = perf_counter()
        row = {"id": routed.id, "ready": False, "running": None, "queued": None, "limit": None}
        if routed.engine.state is not EngineState.STOPPED:
            try:
                async with asyncio.timeout(_CHECK_S):
                    load = await routed.engine.load()
                    row["ready"] = await routed.engine.ready()
                row |= {"running": load.running, "queued": load.queued, "limit": load.limit}
            except TimeoutError:
                pass
        return {**row, "ms": round((perf_counter() - began_s) * 1000, 1)}


@dataclass(frozen=True, slots=True)
class _Change:
    """A stop or a start that was begun."""

    what: str
    task: "asyncio.Task[str]" = field(repr=False)

    @property
    def problem(self) -> str | None:
        """Why it failed, once it has."""
        if not self.task.done() or self.task.cancelled():
            return None
        error = self.task.exception()
        return (str(error) if error else self.task.result()) or None

"""An engine with a life."""

from types import TracebackType
from typing import Protocol, Self

from runtime.engine import Engine, EngineHealth


class ManagedEngine(Engine, Protocol):
    """Entering starts it, leaving stops it."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def health(self) -> EngineHealth: ...

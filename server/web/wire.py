"""What the connection of a request can tell and do beside ASGI: whether its reader keeps up."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from starlette.types import Scope

WIRE: Final = "batchin.wire"


class Flow(Protocol):
    """uvicorn's account of a connection's write buffer (64 KiB)."""

    write_paused: bool


@dataclass(slots=True)
class Wire:
    """The connection under a request; the server puts it into the scope's ``state``, and calls ``lost``
    when it ends: who runs a call sets it. A call never reads while its wire is paused, or its end would
    pass unseen."""

    flow: Flow
    transport: asyncio.Transport
    lost: Callable[[], None] | None = None

    @property
    def full(self) -> bool:
        """Whether the reader is behind by what the connection buffers: a send would wait for it."""
        return self.flow.write_paused

    def abort(self) -> None:
        """Cut the connection, with all that was not read."""
        self.transport.abort()


def wire_of(scope: Scope) -> Wire | None:
    """None under a server that does not tell."""
    wire: Wire | None = scope.get("state", {}).get(WIRE)
    return wire

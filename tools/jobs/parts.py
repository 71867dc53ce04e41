"""What running a batch stands on, as whoever composes the server brings it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from base.clock import Clock
from base.pricing import Quote, Rate
from base.resource import Resource
from base.sealing import Sealer
from settlement.idempotency.book import KeyBook
from settlement.parts import Part
from storage.op import Store
from tools.core import Call
from tools.files.files import Files
from tools.jobs.batch import Priority
from tools.jobs.lines import BadLine, Endpoints, Task

Quoting = Callable[[Task], Awaitable[Quote]]
"""What a task may cost at the full price. Raises what its tool raises for wrong arguments."""

Invoking = Callable[[Part, Rate, Task, Call], Awaitable[Any]]
"""Run one task as a call of its own, charged from its batch. Raises BatchinError."""

Showing = Callable[[str, bytes, Mapping[str, Any], str], bytes]
"""The JSON body of a call, as its own path would have answered: run id, output, evidence."""


class Source(Protocol):
    """Where the tasks of a batch come from."""

    def tasks(self) -> AsyncIterator[Task | BadLine]:
        """In their order, whenever asked. Raises OSError, Unsealable."""
        ...


@dataclass(frozen=True, slots=True)
class JobParts:
    """``most_tasks``: the longest batch; ``most_open``: jobs of one account that have not ended;
    ``keep_s``: how long a batch is remembered after its end."""

    store: Store
    files: Files
    sealer: Sealer
    clock: Clock
    endpoints: Endpoints
    quote: Quoting
    invoke: Invoking
    show: Showing
    resource: Callable[[str], Resource]
    rates: Mapping[Priority, Rate]
    most_tasks: int
    most_open: int
    keep_s: int
    keys: KeyBook

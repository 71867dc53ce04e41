"""The seam between the writer and a database."""

from collections.abc import Collection, Mapping
from typing import Protocol

from storage.batch import Batch
from storage.op import Key
from storage.workingset import Known


class Connector(Protocol):
    """One database, written by one writer. Both calls end or raise; neither blocks the event loop."""

    async def load(self, keys: Collection[Key]) -> Mapping[Key, Known]:
        """Read the committed rows: one entry per key, None where there is no such row."""
        ...

    async def flush(self, batch: Batch) -> None:
        """Write a batch in one durable transaction: all of it or nothing.

        Raises BadCommit when the database refuses a row (a constraint, a value that it can't hold), any
        other exception when it can't write now.
        """
        ...

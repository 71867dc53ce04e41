"""What can go wrong with the store: as callers see it, and between its own parts."""

from base.errors import ServiceUnavailable


class StorageUnavailable(ServiceUnavailable):
    """The store could not write or read; nothing was charged."""

    resolution = "Nothing was charged. Retry later; the operator finds the cause in the log."


class BadCommit(Exception):
    """A commit that can never be applied: its fold breaks the rules of ``Rows``, or the database refuses
    a row. It is a fault of the program. The message names tables and columns, never contents."""

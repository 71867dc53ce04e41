"""What can go wrong with the store, as callers see it."""

from base.errors import ServiceUnavailable


class StorageUnavailable(ServiceUnavailable):
    """The store could not write or read; nothing was charged."""

    resolution = "Nothing was charged. Retry later; the operator finds the cause in the log."

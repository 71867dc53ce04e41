"""The generic cell rate algorithm (ITU-T I.371): a limit that refills evenly, not by windows."""

from typing import Final

MINUTE_NS: Final = 60_000_000_000


class Bucket:
    """``limit`` units a minute; a full bucket may be taken at once. Times are monotonic, in ns.

    It keeps one number: when it will be full again.
    """

    __slots__ = ("_full_at", "_unit_ns", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._unit_ns = MINUTE_NS // limit
        self._full_at = 0

    def wait_ns(self, now_ns: int, units: int) -> int:
        """How long until so many units can be taken: 0 is now. Never for more than ``limit``."""
        room_ns = (self.limit - units) * self._unit_ns
        return max(0, self._full_at - now_ns - room_ns)

    def take(self, now_ns: int, units: int) -> None:
        """Take units; more than there are leave the bucket in debt."""
        self._full_at = max(self._full_at, now_ns) + units * self._unit_ns

    def give_back(self, units: int) -> None:
        """Return units that were taken and not used."""
        self._full_at -= units * self._unit_ns

    def left(self, now_ns: int) -> int:
        """Units that can be taken now."""
        return max(0, self.limit - -(-max(0, self._full_at - now_ns) // self._unit_ns))

    def full_in_ns(self, now_ns: int) -> int:
        return max(0, self._full_at - now_ns)

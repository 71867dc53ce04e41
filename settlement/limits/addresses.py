"""A rate for each address of the network, on what is free and takes no key."""

from ipaddress import IPv6Address, ip_address
from typing import Final

from base.clock import Clock
from base.errors import RateLimited
from settlement.limits.gcra import Bucket

_SWEEP_FROM: Final = 4096
_IPV6_NETWORK: Final = 64
_SECOND_NS: Final = 1_000_000_000


class AddressLimits:
    """``rpm`` requests a minute from one IPv4 address or one IPv6 network of 64 bits, which a house has
    to itself, or from whatever else is named, which ``who`` says to callers. State is this process's;
    addresses whose bucket is full are forgotten."""

    def __init__(self, rpm: int, clock: Clock, who: str = "this address") -> None:
        self._who = who
        self._rpm = rpm
        self._clock = clock
        self._buckets: dict[str, Bucket] = {}
        self._sweep_at = _SWEEP_FROM

    @property
    def size(self) -> int:
        """How many addresses are remembered."""
        return len(self._buckets)

    def take(self, address: str) -> None:
        """Count one request. Raises RateLimited."""
        now_ns = int(self._clock.monotonic_s() * _SECOND_NS)
        bucket = self._bucket(_network(address), now_ns)
        wait_ns = bucket.wait_ns(now_ns, 1)
        if wait_ns:
            wait_s = -(-wait_ns // _SECOND_NS)
            raise RateLimited(
                f"More than {self._rpm} requests a minute came from {self._who}.",
                headers={"Retry-After": str(wait_s)},
            )
        bucket.take(now_ns, 1)

    def _bucket(self, network: str, now_ns: int) -> Bucket:
        bucket = self._buckets.get(network)
        if bucket is None:
            if len(self._buckets) >= self._sweep_at:
                self._sweep(now_ns)
            bucket = self._buckets[network] = Bucket(self._rpm)
        return bucket

    def _sweep(self, now_ns: int) -> None:
        used = {name: one for name, one in self._buckets.items() if one.full_in_ns(now_ns)}
        self._buckets = used
        self._sweep_at = max(_SWEEP_FROM, 2 * len(used))


def _network(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(int(parsed) >> (128 - _IPV6_NETWORK))

"""Which URLs a caller may name, and which addresses a connection may be made to.

A name is judged by the address that it leads to at the moment of connecting, on the very address that is
connected to: what a resolver says before or after makes no difference.
"""

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final

from base.outbound.addresses import Network, is_public, within

PORTS: Final = frozenset({80, 443})
_MOST_URL_CHARS: Final = 2048
_MOST_NAME_CHARS: Final = 253

AddrInfo = tuple[int, int, int, str, tuple[Any, ...]]


class OutboundFailed(Exception):
    """A request that could not be made or got no usable answer. ``reason`` may be shown to a caller: it
    tells nothing of the networks that this server stands in."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UrlRefused(OutboundFailed):
    """A URL that is never asked; ``reason`` says what is wrong with it."""


class AddressRefused(OSError):
    """A connection that was not made: its address is not public."""


@dataclass(frozen=True, slots=True)
class Guard:
    """``allowed`` are networks that may be reached beside the public ones, on every port; public
    addresses on ``ports`` alone."""

    allowed: Sequence[Network] = ()
    ports: frozenset[int] = PORTS

    def check(self, url: str) -> None:
        """What can be told from a URL alone. Raises UrlRefused."""
        from yarl import URL

        if len(url) > _MOST_URL_CHARS:
            raise UrlRefused(f"it is longer than {_MOST_URL_CHARS} characters")
        if any(ord(char) <= 32 or char in "\\\x7f" for char in url):
            raise UrlRefused("it holds a space, a backslash or a control character")
        try:
            parsed = URL(url)
            host, port = parsed.host, parsed.port
        except ValueError:
            raise UrlRefused("it is no URL") from None
        if parsed.scheme not in ("http", "https") or not host:
            raise UrlRefused("it is no http or https URL")
        if parsed.user is not None or parsed.password is not None or "@" in parsed.raw_authority:
            raise UrlRefused("it holds a user name or password")
        if len(host) > _MOST_NAME_CHARS:
            raise UrlRefused("its host name is too long")
        if port not in self.ports and not self.allowed:
            raise UrlRefused("its port is neither 80 nor 443")

    def socket(self, info: AddrInfo) -> socket.socket:
        """A socket for exactly this address. Raises AddressRefused."""
        family, kind, proto, _, where = info
        if family not in (socket.AF_INET, socket.AF_INET6) or not self._open(where):
            raise AddressRefused("not a public address")
        return socket.socket(family, kind, proto)

    def _open(self, where: tuple[Any, ...]) -> bool:
        address = ip_address(where[0])
        if within(address, self.allowed):
            return True
        zone = len(where) > 3 and where[3] != 0
        return where[1] in self.ports and not zone and is_public(address)

"""Which addresses are public: an own list, for ``ipaddress.is_global`` passes several that are not."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# RFC 6890 and the IANA special-purpose registries, with the addresses that clouds keep for themselves
_CLOSED_V4: Final = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's platform endpoint, in the midst of public space
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
# Global unicast alone is open: mapped, translated (NAT64), local, link and multicast lie outside of it.
_OPEN_V6: Final = IPv6Network("2000::/3")
_CLOSED_V6: Final = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # Teredo, ORCHID and others of the IETF's own
        "2001:db8::/32",
        "2002::/16",  # 6to4 carries any IPv4 address within
        "2620:4f:8000::/48",
        "3fff::/20",
    )
)


def is_public(address: Address) -> bool:
    """Whether anybody's server may stand at this address."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _CLOSED_V4)
    if address.scope_id is not None or address not in _OPEN_V6:
        return False
    return not any(address in network for network in _CLOSED_V6)


def within(address: Address, networks: Sequence[Network]) -> bool:
    """Whether an address lies in one of the networks; a zone makes no difference."""
    bare = IPv6Address(int(address)) if isinstance(address, IPv6Address) else address
    return any(bare in network for network in networks if network.version == bare.version)


def network_of(text: str) -> Network:
    """``10.1.0.0/16``, ``::1`` and the like. Raises ValueError."""
    return ip_network(text, strict=False)

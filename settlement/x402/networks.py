"""Network names of x402 version 1, whose clients know chains by name and not by CAIP-2 id."""

from typing import Final

_V1_NAMES: Final = {
    "eip155:1": "ethereum",
    "eip155:137": "polygon",
    "eip155:8453": "base",
    "eip155:43114": "avalanche",
    "eip155:84532": "base-sepolia",
}


def v1_name(network: str) -> str:
    """The version 1 name of a CAIP-2 network; a chain without one keeps its id."""
    return _V1_NAMES.get(network, network)

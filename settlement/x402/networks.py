"""The chains whose USDC is taken: their CAIP-2 ids, tokens, EIP-712 domains and x402 version 1 names."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from settlement.chain import devnet
from settlement.x402.sale import Asset


@dataclass(frozen=True, slots=True)
class Network:
    """A chain by the name that settings know it by. ``v1_name`` is what x402 version 1 calls it, ""
    where it has no name there. The name of USDC differs from chain to chain, and is part of what is
    signed."""

    title: str
    asset: Asset
    v1_name: str = ""


NETWORKS: Final[Mapping[str, Network]] = {
    "dev": Network(
        "the embedded development chain",
        Asset(devnet.NETWORK, devnet.USDC, devnet.USDC_NAME, devnet.USDC_VERSION),
    ),
    "base": Network(
        "Base",
        Asset("eip155:8453", "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", "USD Coin", "2"),
        "base",
    ),
    "base-sepolia": Network(
        "Base Sepolia",
        Asset("eip155:84532", "0x036CbD53842c5426634e7929541eC2318f3dCF7e", "USDC", "2"),
        "base-sepolia",
    ),
    "polygon": Network(
        "Polygon",
        Asset("eip155:137", "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359", "USD Coin", "2"),
        "polygon",
    ),
    "avalanche": Network(
        "Avalanche",
        Asset("eip155:43114", "0xB97EF9Ef8734C71904D8002F8b6Bc66Dd9c48a6E", "USD Coin", "2"),
        "avalanche",
    ),
    "arbitrum": Network(
        "Arbitrum One",
        Asset("eip155:42161", "0xaf88d065e77c8cC2239327C5EDb3A432268e5831", "USD Coin", "2"),
    ),
    "ethereum": Network(
        "Ethereum",
        Asset("eip155:1", "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", "USD Coin", "2"),
        "ethereum",
    ),
}
_V1_NAMES: Final = {network.asset.network: network.v1_name for network in NETWORKS.values()}


def v1_name(network: str) -> str:
    """The version 1 name of a CAIP-2 network; a chain without one keeps its id."""
    return _V1_NAMES.get(network) or network

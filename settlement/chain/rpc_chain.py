"""A chain behind somebody's JSON-RPC node."""

from dataclasses import dataclass

from settlement.chain.client import ChainClient


class WrongChain(Exception):
    """The node is one of another chain than it should be."""


@dataclass(frozen=True, slots=True)
class RpcChain:
    """``network`` is CAIP-2, ``usdc`` the token's address (EIP-55), ``genesis`` the hash of block 0."""

    rpc_url: str
    network: str
    usdc: str
    genesis: str


async def rpc_chain(rpc_url: str, network: str, usdc: str) -> RpcChain:
    """Ask the node whether it is the one that is meant.

    Raises ChainUnavailable, RpcRefused and WrongChain.
    """
    async with ChainClient(lambda: rpc_url) as client:
        found = f"eip155:{await client.chain_id()}"
        if found != network:
            raise WrongChain(f"its node is one of {found}, not of {network}")
        if not await client.code(usdc):
            raise WrongChain(f"there is no USDC at {usdc} of {network}")
        block = await client.request("eth_getBlockByNumber", "0x0", False)
    return RpcChain(rpc_url, network, usdc, str(block["hash"]))

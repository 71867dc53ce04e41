"""Anvil, Foundry's development node: another implementation of the chain, with block times."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from settlement.chain.client import ChainClient
from settlement.chain.devnet import FUNDER, artifact
from settlement.chain.permit2 import EXACT_PROXY, PERMIT2, UPTO_PROXY
from settlement.chain.usdc import balance_call, mint_call, number
from settlement.x402.networks import NETWORKS
from settlement.x402.sale import Asset
from tests.node import installed

PACKAGE: Final = "@foundry-rs/anvil@1.7.1"
_CONTRACTS: Final = {
    PERMIT2: "DevPermit2",
    EXACT_PROXY: "DevExactProxy",
    UPTO_PROXY: "DevUptoProxy",
}
DEV: Final = NETWORKS["dev"].asset
_LISTENS: Final = re.compile(rb"Listening on 127\.0\.0\.1:(\d+)")


@dataclass(frozen=True, slots=True)
class Anvil:
    """The chain as a facilitator sees it, with the contracts of the development chain."""

    rpc_url: str
    genesis: str
    network: str
    usdc: str

    async def mint(self, address: str, amount_atomic: int) -> None:
        await self._as_funder(self.usdc, mint_call(address, amount_atomic), 0)

    async def give_gas(self, address: str) -> None:
        await self._as_funder(address, b"", 10**18)

    async def balance(self, address: str) -> int:
        async with ChainClient(lambda: self.rpc_url) as client:
            return number(await client.call(self.usdc, balance_call(address)))

    async def _as_funder(self, to: str, data: bytes, value_wei: int) -> None:
        sent = {"from": FUNDER, "to": to, "data": "0x" + data.hex(), "value": hex(value_wei)}
        async with ChainClient(lambda: self.rpc_url) as client:
            receipt = await client.wait_receipt(await client.request("eth_sendTransaction", sent))
        assert receipt.succeeded

    async def block_every(self, seconds: int) -> None:
        """From now on transactions wait for the next block."""
        async with ChainClient(lambda: self.rpc_url) as client:
            await client.request("evm_setAutomine", False)
            await client.request("evm_setIntervalMining", seconds)


@asynccontextmanager
async def anvil(folder: Path, asset: Asset = DEV) -> AsyncIterator[Anvil]:
    """A fresh chain with this asset, on which each transaction is a block at once."""
    program = await _program()
    flags = ("--port", "0", "--host", "127.0.0.1", "--chain-id", str(asset.chain_id))
    process = await asyncio.create_subprocess_exec(
        str(program), *flags, cwd=folder, stdout=asyncio.subprocess.PIPE
    )
    try:
        url = f"http://127.0.0.1:{await _port(process)}"
        genesis = await _prepared(url, {**_CONTRACTS, asset.address: "DevUSDC"})
        yield Anvil(url, genesis, asset.network, asset.address)
    finally:
        process.terminate()
        await process.communicate()


async def _program() -> Path:
    packages = await installed(PACKAGE) / "node_modules" / "@foundry-rs"
    (found,) = packages.glob("anvil-linux-*/bin/anvil")
    found.chmod(0o755)
    return found


async def _port(process: asyncio.subprocess.Process) -> int:
    assert process.stdout is not None
    async with asyncio.timeout(60):
        async for line in process.stdout:
            if said := _LISTENS.search(line):
                return int(said[1])
    raise AssertionError("anvil ended before it listened")


async def _prepared(url: str, contracts: Mapping[str, str]) -> str:
    async with ChainClient(lambda: url) as client:
        for address, name in contracts.items():
            await client.request("anvil_setCode", address, artifact(name)["runtime"])
        return str((await client.request("eth_getBlockByNumber", "0x0", False))["hash"])

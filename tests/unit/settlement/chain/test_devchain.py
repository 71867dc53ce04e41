"""The chain outlives its process: kill -9 at any moment loses no transaction that was acknowledged."""

import asyncio
import os
import signal
import sqlite3
from pathlib import Path

import pytest

from settlement.chain.client import ChainClient
from settlement.chain.devchain import DevChain
from settlement.chain.devnode.disk import Disk
from settlement.chain.funding import fund, usdc_balance
from tests.chains import eventually, new_address


async def _restarted(chain: DevChain, restarts: int) -> None:
    async def again() -> bool:
        return chain.restarts == restarts and chain.pid is not None

    await eventually(again, "the chain runs again")


async def test_kill_9_while_money_moves(tmp_path: Path) -> None:
    async with DevChain(tmp_path) as chain:
        genesis, url = chain.genesis, chain.rpc_url
        acknowledged = dict.fromkeys((new_address() for _ in range(3)), 0)

        async def keep_minting(address: str) -> None:
            while True:
                await fund(chain.rpc_url, address, 1)
                acknowledged[address] += 1

        for round_ in range(1, 3):
            minting = [asyncio.create_task(keep_minting(address)) for address in acknowledged]
            target = sum(acknowledged.values()) + 5

            async def enough(target: int = target) -> bool:
                return sum(acknowledged.values()) >= target

            await eventually(enough, "five more mints")
            assert chain.pid is not None
            os.kill(chain.pid, signal.SIGKILL)
            await _restarted(chain, round_)
            for task in minting:
                task.cancel()
            await asyncio.gather(*minting, return_exceptions=True)
            assert (chain.genesis, chain.rpc_url) == (genesis, url)
            for address, amount in acknowledged.items():
                held = await usdc_balance(chain.rpc_url, address)
                assert amount <= held <= amount + round_, "a mint whose answer was lost may count too"
        async with ChainClient(lambda: chain.rpc_url) as client:
            nonce = await client.nonce("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")
    assert chain.pid is None

    async with DevChain(tmp_path) as again, ChainClient(lambda: again.rpc_url) as client:
        assert (again.genesis, again.rpc_url) == (genesis, url)
        assert await client.nonce("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266") == nonce


def test_a_chain_has_one_node(tmp_path: Path) -> None:
    first = Disk(tmp_path / "chain.db")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        Disk(tmp_path / "chain.db", wait_s=0.05)
    first.close()
    Disk(tmp_path / "chain.db", wait_s=0.05).close()


async def test_every_folder_is_a_chain_of_its_own(tmp_path: Path) -> None:
    async with DevChain(tmp_path / "a") as one, DevChain(tmp_path / "b") as other:
        assert one.genesis != other.genesis
        assert one.rpc_url != other.rpc_url

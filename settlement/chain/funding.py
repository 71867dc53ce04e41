"""Money for wallets of the development chain, for anyone who reaches its RPC URL."""

import asyncio
import importlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from settlement.chain import devnet

if TYPE_CHECKING:
    from web3 import AsyncWeb3
    from web3.contract import AsyncContract

_GAS_WEI: Final = 100 * 10**18
_ATTEMPTS: Final = 50
_PAUSE_S: Final = 0.02


async def fund(rpc_url: str, address: str, amount_atomic: int) -> str:
    """Mint USDC (atomic units) for an address; returns the transaction's hash when it is in a block."""
    async with _web3(rpc_url) as web3:
        mint = _usdc(web3).functions.mint(web3.to_checksum_address(address), amount_atomic)
        sender = web3.to_checksum_address(devnet.FUNDER)
        return await _send(web3, dict(await mint.build_transaction({"from": sender})))


async def fund_gas(rpc_url: str, address: str) -> str:
    """Send an address 100 ether for gas; returns the transaction's hash when it is in a block."""
    async with _web3(rpc_url) as web3:
        fee = 2 * await web3.eth.gas_price
        return await _send(
            web3,
            {
                "to": web3.to_checksum_address(address),
                "value": _GAS_WEI,
                "gas": 21_000,
                "maxFeePerGas": fee,
                "maxPriorityFeePerGas": 0,
                "chainId": devnet.CHAIN_ID,
            },
        )


async def usdc_balance(rpc_url: str, address: str) -> int:
    """An address's USDC in atomic units."""
    async with _web3(rpc_url) as web3:
        return int(await _usdc(web3).functions.balanceOf(web3.to_checksum_address(address)).call())


def _usdc(web3: "AsyncWeb3[Any]") -> "AsyncContract":
    abi = devnet.artifact("DevUSDC")["abi"]
    return web3.eth.contract(web3.to_checksum_address(devnet.USDC), abi=abi)


async def _send(web3: "AsyncWeb3[Any]", transaction: dict[str, Any]) -> str:
    """Sign as the funder and send; others fund at the same time, so a taken nonce is tried again."""
    from eth_account import Account
    from web3.exceptions import Web3RPCError

    funder = Account.from_key(devnet.FUNDER_KEY)
    for _ in range(_ATTEMPTS):
        transaction["nonce"] = await web3.eth.get_transaction_count(funder.address, "pending")
        signed = await asyncio.to_thread(funder.sign_transaction, transaction)
        try:
            sent = await web3.eth.send_raw_transaction(signed.raw_transaction)
        except Web3RPCError as error:
            if "nonce" not in str(error) and "already known" not in str(error):
                raise
            await asyncio.sleep(_PAUSE_S)
            continue
        receipt = await web3.eth.wait_for_transaction_receipt(sent, poll_latency=_PAUSE_S)
        return "0x" + bytes(receipt["transactionHash"]).hex()
    raise RuntimeError("the funder's nonce was taken by others each time")


@asynccontextmanager
async def _web3(rpc_url: str) -> "AsyncIterator[AsyncWeb3[Any]]":
    await asyncio.to_thread(importlib.import_module, "web3")  # a second of imports, off the loop
    from web3 import AsyncHTTPProvider, AsyncWeb3

    provider = AsyncHTTPProvider(rpc_url)
    try:
        yield AsyncWeb3(provider)
    finally:
        await provider.disconnect()

"""Money for wallets of the development chain, for anyone who reaches its RPC URL.

web3 works in a thread here: it is a client's tool, and none of it runs in the server's event loop.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from settlement.chain import devnet

if TYPE_CHECKING:
    from web3 import Web3
    from web3.contract import Contract

_GAS_WEI: Final = 100 * 10**18
_ATTEMPTS: Final = 50
_PAUSE_S: Final = 0.02


async def fund(rpc_url: str, address: str, amount_atomic: int) -> str:
    """Mint USDC (atomic units) for an address; returns the transaction's hash when it is in a block."""
    return await asyncio.to_thread(_fund, rpc_url, address, amount_atomic)


async def fund_gas(rpc_url: str, address: str) -> str:
    """Send an address 100 ether for gas; returns the transaction's hash when it is in a block."""
    return await asyncio.to_thread(_fund_gas, rpc_url, address)


async def usdc_balance(rpc_url: str, address: str) -> int:
    """An address's USDC in atomic units."""
    return await asyncio.to_thread(_usdc_balance, rpc_url, address)


def _fund(rpc_url: str, address: str, amount_atomic: int) -> str:
    with _web3(rpc_url) as web3:
        mint = _usdc(web3).functions.mint(web3.to_checksum_address(address), amount_atomic)
        sender = web3.to_checksum_address(devnet.FUNDER)
        return _send(web3, dict(mint.build_transaction({"from": sender})))


def _fund_gas(rpc_url: str, address: str) -> str:
    with _web3(rpc_url) as web3:
        transfer = {
            "to": web3.to_checksum_address(address),
            "value": _GAS_WEI,
            "gas": 21_000,
            "maxFeePerGas": 2 * web3.eth.gas_price,
            "maxPriorityFeePerGas": 0,
            "chainId": devnet.CHAIN_ID,
        }
        return _send(web3, transfer)


def _usdc_balance(rpc_url: str, address: str) -> int:
    with _web3(rpc_url) as web3:
        return int(_usdc(web3).functions.balanceOf(web3.to_checksum_address(address)).call())


def _usdc(web3: "Web3") -> "Contract":
    abi = devnet.artifact("DevUSDC")["abi"]
    return web3.eth.contract(web3.to_checksum_address(devnet.USDC), abi=abi)


def _send(web3: "Web3", transaction: dict[str, Any]) -> str:
    """Sign as the funder and send; others fund at the same time, so a taken nonce is tried again."""
    from eth_account import Account
    from web3.exceptions import Web3RPCError

    funder = Account.from_key(devnet.FUNDER_KEY)
    for _ in range(_ATTEMPTS):
        transaction["nonce"] = web3.eth.get_transaction_count(funder.address, "pending")
        signed = funder.sign_transaction(transaction)
        try:
            sent = web3.eth.send_raw_transaction(signed.raw_transaction)
        except Web3RPCError as error:
            if "nonce" not in str(error) and "already known" not in str(error):
                raise
            time.sleep(_PAUSE_S)
            continue
        receipt = web3.eth.wait_for_transaction_receipt(sent, poll_latency=_PAUSE_S)
        return "0x" + bytes(receipt["transactionHash"]).hex()
    raise RuntimeError("the funder's nonce was taken by others each time")


@contextmanager
def _web3(rpc_url: str) -> "Iterator[Web3]":
    import requests
    from web3 import HTTPProvider, Web3

    with requests.Session() as session:
        yield Web3(HTTPProvider(rpc_url, session=session))

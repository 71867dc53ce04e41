"""The chain as anybody sees it: balances, and what one transaction moved."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from web3 import AsyncHTTPProvider, AsyncWeb3
from web3.contract import AsyncContract
from web3.logs import DISCARD


def _event(name: str, *inputs: tuple[str, str, bool]) -> dict[str, Any]:
    return {
        "type": "event",
        "name": name,
        "anonymous": False,
        "inputs": [{"name": n, "type": kind, "indexed": indexed} for n, kind, indexed in inputs],
    }


def _view(name: str, result: str, *inputs: tuple[str, str]) -> dict[str, Any]:
    return {
        "type": "function",
        "name": name,
        "stateMutability": "view",
        "inputs": [{"name": n, "type": kind} for n, kind in inputs],
        "outputs": [{"name": "", "type": result}],
    }


_ABI: Final = [
    _view("balanceOf", "uint256", ("account", "address")),
    _view("authorizationState", "bool", ("authorizer", "address"), ("nonce", "bytes32")),
    _event("Transfer", ("from", "address", True), ("to", "address", True), ("value", "uint256", False)),
    _event("AuthorizationUsed", ("authorizer", "address", True), ("nonce", "bytes32", True)),
]
"""The part of USDC (ERC-20, EIP-3009) that a payer looks at."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A Transfer of the token: atomic units from one address to another."""

    payer: str
    payee: str
    value_atomic: int


@dataclass(frozen=True, slots=True)
class Transaction:
    """A mined transaction: who sent it (and paid the gas), what it moved, and which authorizations
    (authorizer, nonce) it used up."""

    succeeded: bool
    block: int
    sender: str
    transfers: tuple[Moved, ...]
    used: tuple[tuple[str, str], ...]


class Chain:
    """Reads one token on one chain."""

    def __init__(self, web3: AsyncWeb3[Any], token: AsyncContract) -> None:
        self._web3 = web3
        self._token = token

    async def chain_id(self) -> int:
        return await self._web3.eth.chain_id

    async def balance_atomic(self, address: str) -> int:
        balance: int = await self._token.functions.balanceOf(address).call()
        return balance

    async def authorization_used(self, payer: str, nonce: str) -> bool:
        """EIP-3009 ``authorizationState``."""
        used: bool = await self._token.functions.authorizationState(payer, nonce).call()
        return used

    async def transaction(self, transaction_hash: str) -> Transaction:
        """Raises web3.exceptions.TransactionNotFound."""
        receipt = await self._web3.eth.get_transaction_receipt(transaction_hash)  # type: ignore[arg-type] # a hash as text
        transfers = self._token.events.Transfer().process_receipt(receipt, errors=DISCARD)
        used = self._token.events.AuthorizationUsed().process_receipt(receipt, errors=DISCARD)
        return Transaction(
            succeeded=receipt["status"] == 1,
            block=receipt["blockNumber"],
            sender=receipt["from"],
            transfers=tuple(_moved(log["args"]) for log in transfers),
            used=tuple((log["args"]["authorizer"], "0x" + log["args"]["nonce"].hex()) for log in used),
        )


@asynccontextmanager
async def chain_at(rpc_url: str, token: str) -> AsyncIterator[Chain]:
    provider = AsyncHTTPProvider(rpc_url)
    web3 = AsyncWeb3(provider)
    try:
        yield Chain(web3, web3.eth.contract(address=web3.to_checksum_address(token), abi=_ABI))
    finally:
        await provider.disconnect()


def _moved(arguments: Any) -> Moved:
    return Moved(arguments["from"], arguments["to"], arguments["value"])

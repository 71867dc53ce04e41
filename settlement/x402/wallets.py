"""Payers that are contracts: whether they signed is theirs to say (ERC-1271)."""

import asyncio
from collections.abc import Mapping
from typing import Final, Protocol

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from base.errors import ServiceUnavailable
from settlement.chain.client import ChainClient
from settlement.chain.errors import RpcRefused

_VALID: Final = keccak(text="isValidSignature(bytes32,bytes)")[:4]
_YES: Final = _VALID.ljust(32, b"\0")
_GAS: Final = 300_000
_AT_ONCE: Final = 4
_WAITING: Final = 64


class Wallets(Protocol):
    """Asked only where no key of the payer's own made a signature."""

    async def signed(self, network: str, payer: str, digest: bytes, signature: bytes) -> bool:
        """Raises ServiceUnavailable when it can't be told now."""
        ...


class KeysAlone:
    """Where no contract may pay."""

    async def signed(self, network: str, payer: str, digest: bytes, signature: bytes) -> bool:
        return False


class ContractWallets:
    """Asks deployed contracts on their chain (``clients`` by CAIP-2 network), a few at a time: a flood
    of forged payments is turned away before it becomes a flood of requests to the node."""

    def __init__(self, clients: Mapping[str, ChainClient]) -> None:
        self._clients = clients
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0

    async def signed(self, network: str, payer: str, digest: bytes, signature: bytes) -> bool:
        if self._waiting >= _WAITING:
            raise ServiceUnavailable("Too many payments of contract wallets wait for the chain.")
        self._waiting += 1
        try:
            async with self._turns:
                return await _ask(self._clients[network], payer, digest, signature)
        finally:
            self._waiting -= 1


async def _ask(client: ChainClient, payer: str, digest: bytes, signature: bytes) -> bool:
    if not await client.code(payer):
        return False
    question = _VALID + encode(("bytes32", "bytes"), (digest, signature))
    try:
        answer = await client.call(payer, question, gas=_GAS)
    except RpcRefused:
        return False
    return answer[:32] == _YES

"""Reads and writes of one chain over JSON-RPC, for the server's own hot path.

web3's AsyncHTTPProvider hops through a thread and opens a connection at every request, and asks for the
chain id at many: here one pool of connections answers in the loop, and nothing is asked twice.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from itertools import count
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

import orjson

from settlement.chain.errors import ChainUnavailable, RpcRefused

if TYPE_CHECKING:  # it is large, and many servers know no chain
    import aiohttp

_CONNECTIONS: Final = 16
_LOG_BLOCKS: Final = 50_000
_LOG_STEP: Final = 5_000
_POLL_S: Final = (0.02, 1.0)


@dataclass(frozen=True, slots=True)
class Log:
    """An event: ``topics``, ``transaction`` and ``block_hash`` are ``0x`` hex in lower case, ``address``
    is EIP-55."""

    address: str
    topics: tuple[str, ...]
    data: bytes
    transaction: str
    block_hash: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A transaction that is in a block; ``succeeded`` is its status, ``fee_wei`` what its gas cost."""

    transaction: str
    block: int
    succeeded: bool
    logs: tuple[Log, ...]
    gas_used: int = 0
    fee_wei: int = 0
    block_hash: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """What a transaction called: ``to`` is EIP-55, "" where it made a contract."""

    to: str
    data: bytes


class ChainClient:
    """``async with ChainClient(lambda: rpc_url) as client``; the URL is asked at each request.

    Every method raises ChainUnavailable when the node does not answer within ``timeout_s``, and
    RpcRefused when it answers with an error.
    """

    def __init__(self, rpc_url: Callable[[], str], timeout_s: float = 10.0) -> None:
        self._rpc_url = rpc_url
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None
        self._ids = count(1)
        self._chain_id: int | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def request(self, method: str, *params: Any) -> Any:
        """One JSON-RPC call. A connection that the node closed while it was idle is tried again."""
        import aiohttp

        try:
            answer = await self._ask(method, params)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise ChainUnavailable from error
        if not isinstance(answer, dict):
            raise ChainUnavailable("The chain's node does not speak JSON-RPC.")
        if answer.get("error") is not None:
            detail = answer["error"]
            raise RpcRefused(
                int(detail.get("code", 0)), str(detail.get("message", "")), _data(detail.get("data"))
            )
        return answer.get("result")

    async def chain_id(self) -> int:
        """Asked once: a node does not change its chain."""
        if self._chain_id is None:
            self._chain_id = int(await self.request("eth_chainId"), 16)
        return self._chain_id

    async def nonce(self, address: str) -> int:
        return int(await self.request("eth_getTransactionCount", address, "pending"), 16)

    async def balance_wei(self, address: str) -> int:
        return int(await self.request("eth_getBalance", address, "latest"), 16)

    async def mined_nonce(self, address: str) -> int:
        """How many of its transactions are in blocks."""
        return int(await self.request("eth_getTransactionCount", address, "latest"), 16)

    async def tip_wei(self) -> int:
        """The tip that the node suggests, 0 where it suggests none."""
        try:
            return int(await self.request("eth_maxPriorityFeePerGas"), 16)
        except RpcRefused:
            return 0

    async def gas_price_wei(self) -> int:
        return int(await self.request("eth_gasPrice"), 16)

    async def pending_time_s(self) -> int:
        """The time of a block made now: no later block is older."""
        block = await self.request("eth_getBlockByNumber", "pending", False)
        return int(block["timestamp"], 16)

    async def height(self) -> int:
        """The number of the latest block."""
        return int(await self.request("eth_blockNumber"), 16)

    async def block_hash(self, number: int) -> str | None:
        """The hash of the block with a number, None where the node has none yet."""
        block = await self.request("eth_getBlockByNumber", hex(number), False)
        return None if block is None else str(block["hash"]).lower()

    async def call(
        self, to: str, data: bytes, block: int | None = None, gas: int | None = None
    ) -> bytes:
        """What a call returns on the state after a block, by default the latest one; ``gas`` is the most
        that the node may spend on it."""
        at = "latest" if block is None else hex(block)
        message = {"to": to, "data": "0x" + data.hex()} | ({} if gas is None else {"gas": hex(gas)})
        result = await self.request("eth_call", message, at)
        return bytes.fromhex(result[2:])

    async def estimate_gas(self, sender: str, to: str, data: bytes) -> int:
        transaction = {"from": sender, "to": to, "data": "0x" + data.hex()}
        return int(await self.request("eth_estimateGas", transaction), 16)

    async def send_raw(self, raw: bytes) -> str:
        return str(await self.request("eth_sendRawTransaction", "0x" + raw.hex()))

    async def knows(self, transaction: str) -> bool:
        """Whether the node has the transaction, in a block or waiting for one."""
        return await self.request("eth_getTransactionByHash", transaction) is not None

    async def sent(self, transaction: str) -> Sent | None:
        found = await self.request("eth_getTransactionByHash", transaction)
        return None if found is None else Sent(str(found["to"] or ""), _data(found["input"]))

    async def code(self, address: str) -> bytes:
        """What runs at an address, empty where nothing does."""
        return _data(await self.request("eth_getCode", address, "latest"))

    async def receipt(self, transaction: str) -> Receipt | None:
        found = await self.request("eth_getTransactionReceipt", transaction)
        return None if found is None else _receipt(found)

    async def wait_receipt(self, transaction: str) -> Receipt:
        """Poll until it is in a block; bound the wait with ``asyncio.timeout``."""
        pause_s, most_s = _POLL_S
        while True:
            receipt = await self.receipt(transaction)
            if receipt is not None:
                return receipt
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, most_s)

    async def recent_logs(self, address: str, topics: Sequence[str | None]) -> AsyncIterator[Log]:
        """Those of the last 50,000 blocks, newest first: public nodes answer for few blocks at once."""
        last = await self.height()
        oldest = max(0, last - _LOG_BLOCKS)
        while last >= oldest:
            first = max(oldest, last - _LOG_STEP + 1)
            for log in reversed(await self.logs(address, topics, first, last)):
                yield log
            last = first - 1

    async def logs(
        self,
        address: str,
        topics: Sequence[str | Sequence[str] | None],
        first_block: int = 0,
        last_block: int | None = None,
    ) -> list[Log]:
        """Several values of one topic mean any of them."""
        wanted = {"address": address, "topics": list(topics), "fromBlock": hex(first_block)}
        last = "latest" if last_block is None else hex(last_block)
        found = await self.request("eth_getLogs", {**wanted, "toBlock": last})
        return [_log(item) for item in found]

    async def _ask(self, method: str, params: tuple[Any, ...]) -> Any:
        import aiohttp

        body = {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": params}
        raw = orjson.dumps(body)
        try:
            return await self._post(raw)
        except (aiohttp.ServerDisconnectedError, ConnectionResetError):
            return await self._post(raw)

    def _opened(self) -> "aiohttp.ClientSession":
        import aiohttp

        if self._session is None:
            connector = aiohttp.TCPConnector(limit=_CONNECTIONS)
            timeout = aiohttp.ClientTimeout(total=self._timeout_s)
            self._session = aiohttp.ClientSession(connector=connector, timeout=timeout)
        return self._session

    async def _post(self, raw: bytes) -> Any:
        headers = {"Content-Type": "application/json"}
        async with self._opened().post(self._rpc_url(), data=raw, headers=headers) as response:
            response.raise_for_status()
            return orjson.loads(await response.read())


def _receipt(found: dict[str, Any]) -> Receipt:
    gas_used = int(found["gasUsed"], 16)
    return Receipt(
        transaction=str(found["transactionHash"]).lower(),
        block=int(found["blockNumber"], 16),
        succeeded=int(found["status"], 16) == 1,
        logs=tuple(_log(item) for item in found["logs"]),
        gas_used=gas_used,
        fee_wei=gas_used * int(found.get("effectiveGasPrice") or "0x0", 16),
        block_hash=str(found["blockHash"]).lower(),
    )


def _log(found: dict[str, Any]) -> Log:
    return Log(
        address=str(found["address"]),
        topics=tuple(str(topic).lower() for topic in found["topics"]),
        data=bytes.fromhex(found["data"][2:]),
        transaction=str(found["transactionHash"]).lower(),
        block_hash=str(found["blockHash"]).lower(),
    )


def _data(value: Any) -> bytes:
    """``0x`` data; nodes put revert data where they like, so that what is none is empty."""
    try:
        return bytes.fromhex(value.removeprefix("0x"))
    except (AttributeError, ValueError):
        return b""

"""The Ethereum JSON-RPC methods that wallets, SDKs and we ourselves call (execution-apis)."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from eth.abc import BlockHeaderAPI

from settlement.chain.devnet import CHAIN_ID
from settlement.chain.devnode import calls, params, render
from settlement.chain.devnode.disk import Disk
from settlement.chain.devnode.evm import Evm
from settlement.chain.devnode.params import BadParams

_TIP_WEI: Final = 1_000_000
_LOGS_MAX: Final = 10_000
_FEE_HISTORY_MAX: Final = 1024
_LATEST: Final = frozenset(("latest", "safe", "finalized"))


class Methods:
    """Each public name in ``table`` takes positional JSON values and returns one."""

    def __init__(self, evm: Evm, disk: Disk) -> None:
        self._evm = evm
        self._disk = disk
        self.table: Mapping[str, Callable[..., Any]] = {
            "web3_clientVersion": lambda: "batchin-devchain/py-evm",
            "net_version": lambda: str(CHAIN_ID),
            "net_listening": lambda: True,
            "eth_chainId": lambda: render.quantity(CHAIN_ID),
            "eth_syncing": lambda: False,
            "eth_accounts": list,
            "eth_blockNumber": lambda: render.quantity(evm.head().block_number),
            "eth_gasPrice": lambda: render.quantity((evm.pending().base_fee_per_gas or 0) + _TIP_WEI),
            "eth_maxPriorityFeePerGas": lambda: render.quantity(_TIP_WEI),
            "eth_feeHistory": self.fee_history,
            "eth_getBalance": self.balance,
            "eth_getCode": self.code,
            "eth_getStorageAt": self.storage,
            "eth_getTransactionCount": self.nonce,
            "eth_call": self.call,
            "eth_estimateGas": self.estimate,
            "eth_sendRawTransaction": self.send,
            "eth_getTransactionByHash": self.transaction,
            "eth_getTransactionReceipt": self.receipt,
            "eth_getBlockByNumber": self.block_by_number,
            "eth_getBlockByHash": self.block_by_hash,
            "eth_getLogs": self.logs,
            "anvil_reorg": self.reorg,
        }

    def balance(self, address: Any, block: Any = "latest") -> str:
        state = self._evm.vm(self._header(block)).state
        return render.quantity(state.get_balance(params.address(address)))

    def code(self, address: Any, block: Any = "latest") -> str:
        state = self._evm.vm(self._header(block)).state
        return render.data(state.get_code(params.address(address)))

    def storage(self, address: Any, slot: Any, block: Any = "latest") -> str:
        state = self._evm.vm(self._header(block)).state
        return render.word(state.get_storage(params.address(address), params.quantity(slot)))

    def nonce(self, address: Any, block: Any = "latest") -> str:
        state = self._evm.vm(self._header(block)).state
        return render.quantity(state.get_nonce(params.address(address)))

    def call(self, request: Any, block: Any = "latest", *_overrides: Any) -> str:
        self._refuse_overrides(_overrides)
        vm = self._evm.vm(self._context(block))
        return render.data(calls.call(vm, params.call_request(request)))

    def estimate(self, request: Any, block: Any = "latest", *_overrides: Any) -> str:
        self._refuse_overrides(_overrides)
        vm = self._evm.vm(self._context(block))
        return render.quantity(calls.estimate(vm, params.call_request(request)))

    def send(self, raw: Any) -> str:
        return render.data(self._evm.send(params.data(raw)))

    def transaction(self, tx_hash: Any) -> dict[str, Any] | None:
        mined = self._evm.mined(params.data(tx_hash, 32))
        return None if mined is None else render.transaction(mined.transaction, mined.block, mined.index)

    def receipt(self, tx_hash: Any) -> dict[str, Any] | None:
        mined = self._evm.mined(params.data(tx_hash, 32))
        if mined is None:
            return None
        number = mined.block.number
        return render.receipt(mined, self._disk.logs(number, number, [], [], _LOGS_MAX))

    def block_by_number(self, block: Any, full: Any = False) -> dict[str, Any] | None:
        if block == "pending":
            return render.pending_block(self._evm.pending())
        header = self._maybe_header(block)
        return None if header is None else render.block(self._evm.block(header), full is True)

    def block_by_hash(self, block_hash: Any, full: Any = False) -> dict[str, Any] | None:
        header = self._evm.header_of(params.data(block_hash, 32))
        return None if header is None else render.block(self._evm.block(header), full is True)

    def logs(self, wanted: Any) -> list[dict[str, Any]]:
        if not isinstance(wanted, Mapping):
            raise BadParams("expected a filter object")
        first, last = self._range(wanted)
        found = self._disk.logs(
            first,
            last,
            params.addresses(wanted.get("address")),
            params.topics(wanted.get("topics")),
            _LOGS_MAX + 1,
        )
        if len(found) > _LOGS_MAX:
            raise BadParams(f"more than {_LOGS_MAX} logs match: ask for fewer blocks")
        headers = {entry.block: self._header(hex(entry.block)) for entry in found}
        return [
            render.log(entry, headers[entry.block].hash, headers[entry.block].timestamp)
            for entry in found
        ]

    def reorg(self, depth: Any, pairs: Any = None) -> None:
        """anvil's: replace the last blocks by empty ones. Transactions for them are not taken."""
        if not isinstance(depth, int) or isinstance(depth, bool) or pairs:
            raise BadParams("expected how many blocks, as a number, and no transactions")
        self._evm.reorganise(depth)

    def fee_history(self, count: Any, newest: Any, percentiles: Any = None) -> dict[str, Any]:
        blocks = params.quantity(hex(count) if isinstance(count, int) else count)
        last = self._header(newest).block_number
        first = max(0, last + 1 - min(blocks, _FEE_HISTORY_MAX))
        headers = [self._header(hex(number)) for number in range(first, last + 1)]
        after = (
            self._evm.pending() if last == self._evm.head().block_number else self._header(hex(last + 1))
        )
        history = {
            "oldestBlock": render.quantity(first),
            "baseFeePerGas": [render.quantity(item.base_fee_per_gas or 0) for item in (*headers, after)],
            "gasUsedRatio": [item.gas_used / item.gas_limit for item in headers],
        }
        if not percentiles:
            return history
        return {**history, "reward": [[render.quantity(_TIP_WEI)] * len(percentiles) for _ in headers]}

    def _range(self, wanted: Mapping[str, Any]) -> tuple[int, int]:
        if wanted.get("blockHash") is not None:
            header = self._evm.header_of(params.data(wanted["blockHash"], 32))
            if header is None:
                raise BadParams("unknown block")
            return header.block_number, header.block_number
        first = self._number(wanted.get("fromBlock") or "latest")
        last = self._number(wanted.get("toBlock") or "latest")
        return first, last

    def _number(self, block: Any) -> int:
        if block == "earliest":
            return 0
        if block in _LATEST or block == "pending":
            return self._evm.head().block_number
        return params.quantity(block)

    def _maybe_header(self, block: Any) -> BlockHeaderAPI | None:
        """The header whose state a tag, a number or an EIP-1898 object names."""
        if isinstance(block, Mapping):
            if block.get("blockHash") is not None:
                return self._evm.header_of(params.data(block["blockHash"], 32))
            block = block.get("blockNumber")
        if block in _LATEST or block == "pending" or block is None:
            return self._evm.head()
        return self._evm.header(self._number(block))

    def _header(self, block: Any) -> BlockHeaderAPI:
        header = self._maybe_header(block)
        if header is None:
            raise BadParams("unknown block")
        return header

    def _context(self, block: Any) -> BlockHeaderAPI:
        """Calls on the head run as in a block made now, so that what expired meanwhile is refused."""
        header = self._header(block)
        return self._evm.pending() if header.hash == self._evm.head().hash else header

    def _refuse_overrides(self, overrides: tuple[Any, ...]) -> None:
        if any(overrides):
            raise BadParams("state overrides are not supported")

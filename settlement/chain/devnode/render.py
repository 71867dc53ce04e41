"""Blocks, transactions, receipts and logs as the Ethereum JSON-RPC API writes them (execution-apis)."""

from typing import Any

import rlp  # type: ignore[import-untyped]  # it ships no types
from eth.abc import BlockAPI, BlockHeaderAPI, SignedTransactionAPI
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from settlement.chain.devnode.disk import LogEntry
from settlement.chain.devnode.evm import Mined


def quantity(value: int) -> str:
    return hex(value)


def data(value: bytes) -> str:
    return "0x" + value.hex()


def word(value: int) -> str:
    return f"0x{value:064x}"


def header(value: BlockHeaderAPI) -> dict[str, Any]:
    fields: Any = value
    return {
        "number": quantity(value.block_number),
        "hash": data(value.hash),
        "parentHash": data(value.parent_hash),
        "nonce": data(value.nonce),
        "sha3Uncles": data(value.uncles_hash),
        "logsBloom": f"0x{value.bloom:0512x}",
        "transactionsRoot": data(value.transaction_root),
        "stateRoot": data(value.state_root),
        "receiptsRoot": data(value.receipt_root),
        "miner": to_checksum_address(value.coinbase),
        "difficulty": quantity(value.difficulty),
        "totalDifficulty": quantity(value.difficulty),
        "extraData": data(value.extra_data),
        "gasLimit": quantity(value.gas_limit),
        "gasUsed": quantity(value.gas_used),
        "timestamp": quantity(value.timestamp),
        "mixHash": data(value.mix_hash),
        "baseFeePerGas": quantity(fields.base_fee_per_gas),
        "withdrawalsRoot": data(fields.withdrawals_root),
        "blobGasUsed": quantity(fields.blob_gas_used),
        "excessBlobGas": quantity(fields.excess_blob_gas),
        "parentBeaconBlockRoot": data(fields.parent_beacon_block_root),
        "requestsHash": data(fields.requests_hash),
    }


def block(value: BlockAPI, full: bool) -> dict[str, Any]:
    transactions: list[Any] = [
        transaction(item, value, index) if full else data(item.hash)
        for index, item in enumerate(value.transactions)
    ]
    return {
        **header(value.header),
        "size": quantity(len(rlp.encode(value))),
        "transactions": transactions,
        "uncles": [],
        "withdrawals": [],
    }


def pending_block(value: BlockHeaderAPI) -> dict[str, Any]:
    """The block that would be made now: it has no hash yet."""
    members = {**header(value), "hash": None, "nonce": None, "miner": None, "logsBloom": None}
    return {**members, "size": "0x0", "transactions": [], "uncles": [], "withdrawals": []}


def transaction(value: SignedTransactionAPI, block: BlockAPI, index: int) -> dict[str, Any]:
    kind = _type(value)
    members: dict[str, Any] = {
        "type": quantity(kind),
        "hash": data(value.hash),
        "nonce": quantity(value.nonce),
        "blockHash": data(block.hash),
        "blockNumber": quantity(block.number),
        "transactionIndex": quantity(index),
        "from": to_checksum_address(value.sender),
        "to": to_checksum_address(value.to) if value.to else None,
        "value": quantity(value.value),
        "gas": quantity(value.gas),
        "gasPrice": quantity(_price(value, block.header)),
        "input": data(value.data),
        "r": quantity(value.r),
        "s": quantity(value.s),
    }
    if kind == 0:
        legacy: Any = value
        return {**members, "v": quantity(legacy.v)}
    members |= {
        "chainId": quantity(value.chain_id or 0),
        "v": quantity(value.y_parity),
        "yParity": quantity(value.y_parity),
        "accessList": [
            {"address": to_checksum_address(address), "storageKeys": [word(slot) for slot in slots]}
            for address, slots in value.access_list
        ],
    }
    if kind == 1:
        return members
    return {
        **members,
        "maxFeePerGas": quantity(value.max_fee_per_gas),
        "maxPriorityFeePerGas": quantity(value.max_priority_fee_per_gas),
    }


def receipt(mined: Mined, logs: list[LogEntry]) -> dict[str, Any]:
    value, block = mined.transaction, mined.block
    return {
        "type": quantity(_type(value)),
        "status": quantity(int.from_bytes(mined.receipt.state_root, "big")),
        "transactionHash": data(value.hash),
        "transactionIndex": quantity(mined.index),
        "blockHash": data(block.hash),
        "blockNumber": quantity(block.number),
        "from": to_checksum_address(value.sender),
        "to": to_checksum_address(value.to) if value.to else None,
        "contractAddress": None if value.to else _created(value),
        "cumulativeGasUsed": quantity(mined.receipt.gas_used),
        "gasUsed": quantity(mined.receipt.gas_used),
        "effectiveGasPrice": quantity(_price(value, block.header)),
        "logsBloom": f"0x{mined.receipt.bloom:0512x}",
        "logs": [log(entry, block.hash, block.header.timestamp) for entry in logs],
    }


def log(entry: LogEntry, block_hash: bytes, timestamp: int) -> dict[str, Any]:
    return {
        "address": to_checksum_address(entry.address),
        "topics": [data(topic) for topic in entry.topics],
        "data": data(entry.data),
        "blockNumber": quantity(entry.block),
        "blockHash": data(block_hash),
        "blockTimestamp": quantity(timestamp),
        "transactionHash": data(entry.tx_hash),
        "transactionIndex": quantity(entry.tx_index),
        "logIndex": quantity(entry.position),
        "removed": False,
    }


def _type(value: SignedTransactionAPI) -> int:
    return int(getattr(value, "type_id", None) or 0)


def _price(value: SignedTransactionAPI, header: BlockHeaderAPI) -> int:
    return min(value.max_fee_per_gas, value.max_priority_fee_per_gas + (header.base_fee_per_gas or 0))


def _created(value: SignedTransactionAPI) -> str:
    """The address of a contract made by CREATE (Yellow Paper, section 7)."""
    return to_checksum_address(keccak(rlp.encode([value.sender, value.nonce]))[12:])

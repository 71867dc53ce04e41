"""The chain itself: a block for each transaction, and the state after any block."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from eth.abc import (
    BlockAPI,
    BlockHeaderAPI,
    ReceiptAPI,
    SignedTransactionAPI,
    VirtualMachineAPI,
)
from eth.chains.base import MiningChain
from eth.consensus.noproof import NoProofConsensus
from eth.exceptions import HeaderNotFound, TransactionNotFound
from eth.vm.forks.prague import PragueVM
from eth_typing import BlockNumber, Hash32
from eth_utils.exceptions import ValidationError

from settlement.chain.devnet import CHAIN_ID
from settlement.chain.devnode.calls import GAS_LIMIT
from settlement.chain.devnode.disk import Disk, LogEntry
from settlement.chain.devnode.genesis import genesis_header, genesis_state

UNDO_BLOCKS: Final = 32


class Rejected(Exception):
    """A transaction that no block can hold; the message is spelled as geth spells it."""


class _Prague(PragueVM):
    consensus_class = NoProofConsensus

    @classmethod
    def validate_header(cls, header: BlockHeaderAPI, parent_header: BlockHeaderAPI) -> None:
        """Several blocks may share a second: else a busy chain would run ahead of the clock, and
        authorizations would expire before their time."""
        super().validate_header(header.copy(timestamp=header.timestamp + 1), parent_header)


class _Chain(MiningChain):
    chain_id = CHAIN_ID
    vm_configuration = ((BlockNumber(0), _Prague),)

    def create_header_from_parent(self, parent_header: BlockHeaderAPI, **params: Any) -> BlockHeaderAPI:
        return super().create_header_from_parent(parent_header, **{"gas_limit": GAS_LIMIT, **params})


@dataclass(frozen=True, slots=True)
class Mined:
    """A transaction in its block."""

    block: BlockAPI
    index: int
    transaction: SignedTransactionAPI
    receipt: ReceiptAPI


class Evm:
    """One chain on one Disk. ``now_s`` is the wall clock in Unix seconds."""

    def __init__(self, disk: Disk, now_s: Callable[[], int]) -> None:
        self._disk = disk
        self._now_s = now_s
        if disk.fact("genesis") is None:
            with disk.committing():
                chain = _Chain.from_genesis(disk, genesis_header(now_s(), GAS_LIMIT), genesis_state())
                disk.set_fact("genesis", chain.get_canonical_head().hash.hex())
        self._chain = _Chain(disk)

    @property
    def genesis(self) -> str:
        """The hash of block 0, which names this chain: no two chains share it."""
        return f"0x{self._disk.fact('genesis')}"

    def head(self) -> BlockHeaderAPI:
        return self._chain.get_canonical_head()

    def pending(self) -> BlockHeaderAPI:
        """The header of a block made now."""
        head = self.head()
        header = self._chain.create_header_from_parent(head)
        return header.copy(timestamp=max(self._now_s(), head.timestamp))

    def header(self, number: int) -> BlockHeaderAPI | None:
        try:
            return self._chain.get_canonical_block_header_by_number(BlockNumber(number))
        except HeaderNotFound:
            return None

    def header_of(self, block_hash: bytes) -> BlockHeaderAPI | None:
        try:
            return self._chain.get_block_header_by_hash(Hash32(block_hash))
        except HeaderNotFound:
            return None

    def block(self, header: BlockHeaderAPI) -> BlockAPI:
        return self._chain.get_block_by_header(header)

    def vm(self, header: BlockHeaderAPI) -> VirtualMachineAPI:
        """The machine in a block's context, on the state after it."""
        return self._chain.get_vm(header)

    def mined(self, tx_hash: bytes) -> Mined | None:
        try:
            number, index = self._chain.get_canonical_transaction_index(Hash32(tx_hash))
        except TransactionNotFound:
            return None
        block = self.block(self._chain.get_canonical_block_header_by_number(number))
        receipt = self._chain.get_transaction_receipt_by_index(number, index)
        return Mined(block, index, block.transactions[index], receipt)

    def send(self, raw: bytes) -> bytes:
        """Put a signed transaction into a block of its own; returns its hash. Raises Rejected."""
        self._chain.header = self.pending()
        vm = self._chain.get_vm()
        try:
            transaction = vm.get_transaction_builder().decode(raw)
            transaction.validate()
            transaction.check_signature_validity()
        except (
            Exception
        ) as error:  # py-evm and rlp name no common kind for bytes that are no transaction
            raise Rejected(f"invalid transaction: {error}") from error
        self._check(vm, transaction)
        try:
            with self._mining():
                result, receipts, _ = self._chain.mine_all([transaction])
                self._disk.add_logs(_entries(result.imported_block, transaction, receipts[0]))
        except ValidationError as error:
            raise Rejected(str(error)) from error
        return bytes(transaction.hash)

    def reorganise(self, depth: int) -> None:
        """Put as many empty blocks in the place of the last ``depth`` ones; what was in these is
        forgotten. Raises Rejected beyond what is kept, which is 32 blocks of this chain's life."""
        head = self.head().block_number
        if not 0 < depth <= min(head, UNDO_BLOCKS):
            raise Rejected(f"a reorg is 1 to {UNDO_BLOCKS} blocks deep, and keeps block 0")
        with self._disk.committing():
            self._disk.roll_back(head - depth + 1)
        self._chain = _Chain(self._disk)
        for _ in range(depth):
            self._chain.header = self.pending()
            with self._mining():
                self._chain.mine_all([])

    @contextmanager
    def _mining(self) -> Iterator[None]:
        number = self.head().block_number + 1
        with self._disk.committing(number):
            yield
            self._disk.forget_undo(number - UNDO_BLOCKS + 1)

    def _check(self, vm: VirtualMachineAPI, transaction: SignedTransactionAPI) -> None:
        """Refuse what py-evm would refuse too, in the words that clients look for."""
        chain_id = transaction.chain_id
        if chain_id not in (None, CHAIN_ID):
            raise Rejected(f"invalid chain id: have {chain_id} want {CHAIN_ID}")
        expected = vm.state.get_nonce(transaction.sender)
        if transaction.nonce < expected:
            if self.mined(transaction.hash) is not None:
                raise Rejected("already known")
            raise Rejected(f"nonce too low: next nonce {expected}, tx nonce {transaction.nonce}")
        if transaction.nonce > expected:
            raise Rejected(f"nonce too high: next nonce {expected}, tx nonce {transaction.nonce}")
        cost = transaction.gas * transaction.max_fee_per_gas + transaction.value
        if vm.state.get_balance(transaction.sender) < cost:
            raise Rejected("insufficient funds for gas * price + value")


def _entries(block: BlockAPI, transaction: SignedTransactionAPI, receipt: ReceiptAPI) -> list[LogEntry]:
    return [
        LogEntry(
            block=block.number,
            position=position,
            tx_index=0,
            tx_hash=bytes(transaction.hash),
            address=bytes(log.address),
            topics=tuple(topic.to_bytes(32, "big") for topic in log.topics),
            data=bytes(log.data),
        )
        for position, log in enumerate(receipt.logs)
    ]

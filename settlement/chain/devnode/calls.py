"""Message calls that leave no trace: what eth_call and eth_estimateGas run."""

from dataclasses import dataclass
from typing import Final

from eth.abc import ComputationAPI, VirtualMachineAPI
from eth.constants import CREATE_CONTRACT_ADDRESS
from eth.vm.message import Message
from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_typing import Address

GAS_LIMIT: Final = 30_000_000
_ESTIMATE_MARGIN: Final = 1.2
_CREATED: Final = Address(bytes(19) + b"\xff")
_ERROR_STRING: Final = bytes.fromhex("08c379a0")


class Reverted(Exception):
    """A call that failed; ``output`` is the revert data."""

    def __init__(self, message: str, output: bytes) -> None:
        super().__init__(message)
        self.output = output


@dataclass(frozen=True, slots=True)
class CallRequest:
    """A message call (``to`` None creates a contract); ``gas`` is at most what a block holds."""

    sender: Address
    to: Address | None
    data: bytes
    value: int = 0
    gas: int = GAS_LIMIT


def call(vm: VirtualMachineAPI, request: CallRequest) -> bytes:
    """What it returns. Raises Reverted."""
    return _run(vm, request).output


def estimate(vm: VirtualMachineAPI, request: CallRequest) -> int:
    """Gas that a transaction needs, with a margin. Raises Reverted."""
    used = request.gas - _run(vm, request).get_gas_remaining()
    return min(GAS_LIMIT, int(_ESTIMATE_MARGIN * (used + _intrinsic(request))))


def _run(vm: VirtualMachineAPI, request: CallRequest) -> ComputationAPI:
    state = vm.state
    context = state.get_transaction_context_class()(gas_price=0, origin=request.sender)
    if request.to is None:
        message = Message(
            gas=request.gas,
            to=CREATE_CONTRACT_ADDRESS,
            sender=request.sender,
            value=request.value,
            data=b"",
            code=request.data,
            create_address=_CREATED,
        )
        computation = state.computation_class.apply_create_message(state, message, context)
    else:
        message = Message(
            gas=request.gas,
            to=request.to,
            sender=request.sender,
            value=request.value,
            data=request.data,
            code=state.get_code(request.to),
        )
        computation = state.computation_class.apply_message(state, message, context)
    if computation.is_error:
        raise Reverted(_reason(computation), computation.output)
    return computation


def _intrinsic(request: CallRequest) -> int:
    """Gas before the first opcode (EIP-2028, EIP-3860), at the rate of EIP-7623's floor."""
    zeros = request.data.count(0)
    tokens = zeros + 4 * (len(request.data) - zeros)
    creation = 32_000 + 2 * ((len(request.data) + 31) // 32) if request.to is None else 0
    return 21_000 + creation + 10 * tokens


def _reason(computation: ComputationAPI) -> str:
    """``execution reverted: <reason>`` for Error(string), as geth says it."""
    output = computation.output
    if output[:4] != _ERROR_STRING:
        return "execution reverted" if output else f"execution failed: {computation.error}"
    try:
        return f"execution reverted: {decode(['string'], output[4:])[0]}"
    except DecodingError:
        return "execution reverted"

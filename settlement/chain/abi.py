"""Calls and events of contracts as bytes, coded with eth-abi, the codec of web3.

It is loaded when the first one is coded: it is large, and many servers know no chain.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from settlement.chain.client import Log


class UnexpectedAnswer(Exception):
    """A contract returned what the function does not return: it is another contract, or none."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function of a contract by its canonical ABI types."""

    name: str
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()

    @property
    def signature(self) -> str:
        return f"{self.name}({','.join(self.inputs)})"

    def call(self, *values: Any) -> bytes:
        """The data of a call."""
        from eth_abi.abi import encode
        from eth_utils.crypto import keccak

        return keccak(text=self.signature)[:4] + encode(self.inputs, values)

    def result(self, data: bytes) -> tuple[Any, ...]:
        """What a call returned, addresses in EIP-55. Raises UnexpectedAnswer."""
        from eth_abi.abi import decode
        from eth_abi.exceptions import DecodingError

        try:
            values = decode(self.outputs, data)
            return tuple(map(_spelled, self.outputs, values))
        except (DecodingError, OverflowError) as error:
            raise UnexpectedAnswer(f"{self.signature} returned {len(data)} bytes") from error


@dataclass(frozen=True, slots=True)
class Event:
    """An event of a contract: ``indexed`` types stand in topics, the others in its data."""

    name: str
    types: tuple[str, ...]
    indexed: tuple[str, ...]
    data: tuple[str, ...]

    @property
    def topic(self) -> str:
        from eth_utils.crypto import keccak

        return "0x" + keccak(text=f"{self.name}({','.join(self.types)})").hex()

    def of(self, address: str, logs: Iterable[Log]) -> Iterator[tuple[tuple[str, ...], tuple[Any, ...]]]:
        """The topics after the first, and the values of the data, of each such event of a contract."""
        from eth_abi.abi import decode

        topic, address = self.topic, address.lower()
        for log in logs:
            if log.address.lower() == address and log.topics[:1] == (topic,):
                yield log.topics[1:], tuple(decode(self.data, log.data))


def _spelled(kind: str, value: Any) -> Any:
    from eth_utils.address import to_checksum_address

    return to_checksum_address(value) if kind == "address" else value


def number_topic(value: int) -> str:
    return f"0x{value:064x}"


def number_of(topic: str) -> int:
    return int(topic, 16)

"""Reads the parameters of JSON-RPC methods; every refusal says what was expected."""

from collections.abc import Mapping, Sequence
from typing import Any

from eth_typing import Address

from settlement.chain.devnode.calls import GAS_LIMIT, CallRequest

_ZERO = Address(bytes(20))


class BadParams(Exception):
    """The parameters of a method are not what it takes."""


def quantity(value: Any) -> int:
    if isinstance(value, str) and value.startswith("0x"):
        try:
            return int(value, 16)
        except ValueError:
            pass
    raise BadParams(f"expected a 0x quantity, got {_shown(value)}")


def data(value: Any, size: int | None = None) -> bytes:
    if isinstance(value, str) and value.startswith("0x"):
        try:
            result = bytes.fromhex(value[2:])
        except ValueError:
            result = b""
            size = size or -1
        if size is None or len(result) == size:
            return result
    wanted = f"{size} bytes" if size and size > 0 else "bytes"
    raise BadParams(f"expected {wanted} of 0x data, got {_shown(value)}")


def address(value: Any) -> Address:
    return Address(data(value, 20))


def call_request(value: Any) -> CallRequest:
    if not isinstance(value, Mapping):
        raise BadParams("expected a transaction object")
    body = value.get("input") if value.get("input") is not None else value.get("data", "0x")
    gas = quantity(value["gas"]) if value.get("gas") is not None else GAS_LIMIT
    return CallRequest(
        sender=address(value["from"]) if value.get("from") else _ZERO,
        to=address(value["to"]) if value.get("to") else None,
        data=data(body),
        value=quantity(value["value"]) if value.get("value") is not None else 0,
        gas=min(gas, GAS_LIMIT),
    )


def addresses(value: Any) -> list[bytes]:
    """The ``address`` member of a log filter: nothing, one, or several."""
    if value is None:
        return []
    return [address(item) for item in (value if isinstance(value, list) else [value])]


def topics(value: Any) -> list[list[bytes]]:
    """The ``topics`` member of a log filter; an empty list of values matches any topic there."""
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > 4:
        raise BadParams("expected at most 4 topics")
    return [_topic_values(item) for item in value]


def _topic_values(value: Any) -> list[bytes]:
    if value is None:
        return []
    items: Sequence[Any] = value if isinstance(value, list) else [value]
    return [data(item, 32) for item in items]


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."

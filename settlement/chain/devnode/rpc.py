"""JSON-RPC 2.0: bytes in, bytes out; single requests, batches and notifications."""

import inspect
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from settlement.chain.devnode.calls import Reverted
from settlement.chain.devnode.evm import Rejected
from settlement.chain.devnode.params import BadParams

_BATCH_MAX: Final = 100
_PARSE, _REQUEST, _METHOD, _PARAMS, _INTERNAL = -32700, -32600, -32601, -32602, -32603
_REFUSED: Final = -32000
_REVERTED: Final = 3
_log = logging.getLogger("devnode")


def answer(table: Mapping[str, Callable[..., Any]], body: bytes) -> bytes:
    """The response to a request body; empty when it held notifications only."""
    try:
        asked = orjson.loads(body)
    except ValueError:
        return _dump(_error(None, _PARSE, "the body is not JSON"))
    if not isinstance(asked, list):
        return _dump(_one(table, asked))
    if not asked or len(asked) > _BATCH_MAX:
        return _dump(_error(None, _REQUEST, f"a batch holds 1 to {_BATCH_MAX} requests"))
    answers = [item for item in (_one(table, request) for request in asked) if item is not None]
    return _dump(answers or None)


def _one(table: Mapping[str, Callable[..., Any]], asked: Any) -> dict[str, Any] | None:
    if not isinstance(asked, dict) or not isinstance(asked.get("method"), str):
        return _error(None, _REQUEST, "a request is an object with a method")
    name, arguments = asked["method"], asked.get("params") or []
    answered = _call(table.get(name), name, arguments, asked.get("id"))
    return answered if "id" in asked else None


def _call(method: Callable[..., Any] | None, name: str, arguments: Any, id_: Any) -> dict[str, Any]:
    if method is None:
        return _error(id_, _METHOD, f"the method {name} does not exist on the development chain")
    if not isinstance(arguments, list):
        return _error(id_, _PARAMS, "params is an array")
    try:
        inspect.signature(method).bind(*arguments)
    except TypeError as error:
        return _error(id_, _PARAMS, f"wrong params for {name}: {error}")
    try:
        return {"jsonrpc": "2.0", "id": id_, "result": method(*arguments)}
    except Reverted as error:
        return _error(id_, _REVERTED, str(error), "0x" + error.output.hex())
    except Rejected as error:
        return _error(id_, _REFUSED, str(error))
    except BadParams as error:
        return _error(id_, _PARAMS, str(error))
    except Exception:  # noqa: BLE001 - a fault in one method is an answer, and the node lives on
        _log.exception("%s failed", name)
        return _error(id_, _INTERNAL, f"{name} failed; see the log")


def _error(id_: Any, code: int, message: str, data: str | None = None) -> dict[str, Any]:
    error = {"code": code, "message": message} | ({} if data is None else {"data": data})
    return {"jsonrpc": "2.0", "id": id_, "error": error}


def _dump(value: Any) -> bytes:
    return b"" if value is None else orjson.dumps(value)

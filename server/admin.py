"""The admin socket: how commands work beside a running server.

``admin.sock`` in the data dir (mode 0600 in a folder of mode 0700) speaks one JSON line each way, then
the connection closes: ``{"operation": "keys.list", "arguments": {}}`` is answered with
``{"result": ...}`` or with ``{"error": ...}``, the documented error.
"""

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

from base.errors import BatchinError, InternalError, InvalidRequest
from server.operations import OperationFailed, Operations
from server.socket_path import short_path

SOCKET = "admin.sock"
_LONGEST_REQUEST = 1_048_576
_REQUEST_S = 10.0
_ANSWER_S = 30.0

_log = logging.getLogger(__name__)


class NoServer(Exception):
    """No server runs on this data dir."""


class AdminServer:
    """Answers while it is entered. The socket file appears when it listens and goes at the end."""

    def __init__(self, data_dir: Path, operations: Operations) -> None:
        self._path = data_dir / SOCKET
        self._operations = operations

    async def __aenter__(self) -> Self:
        self._listener = _listen(self._path)
        self._accepting = asyncio.create_task(self._accept())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._path.unlink(missing_ok=True)
        self._accepting.cancel()
        with suppress(asyncio.CancelledError):
            await self._accepting
        self._listener.close()

    async def _accept(self) -> None:
        # not asyncio.start_unix_server: it forgets connections that arrive while it closes
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as connections:
            while True:
                connection, _ = await loop.sock_accept(self._listener)
                connections.create_task(self._answer(connection))

    async def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):  # TimeoutError is one: it said nothing, or went away
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(_REQUEST_S):
                line = await _read_line(connection)
            await loop.sock_sendall(connection, orjson.dumps(await self._outcome(line)) + b"\n")

    async def _outcome(self, line: bytes) -> Mapping[str, Any]:
        try:
            name, arguments = _request(line)
            return {"result": await self._operations.call(name, **arguments)}
        except BatchinError as error:
            return error.body()
        except Exception:  # noqa: BLE001 - the boundary of the socket
            _log.exception("An admin operation failed.")
            return InternalError("The operation failed; the server's log says why.").body()


class AdminClient:
    """Asks the server that runs on a data dir. One connection an operation."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / SOCKET

    async def info(self) -> dict[str, Any]:
        """Where the server is and what it runs on: url, rpc_url, version, data_dir, pid, network, ...

        Raises NoServer when none runs, OperationFailed while it starts.
        """
        info: dict[str, Any] = await self.call("info")
        return info

    async def call(self, operation: str, /, **arguments: Any) -> Any:
        """The operation's result as JSON data.

        Raises NoServer, and OperationFailed with what the server says against it.
        """
        line = orjson.dumps({"operation": operation, "arguments": arguments}) + b"\n"
        try:
            async with asyncio.timeout(_ANSWER_S):
                answer = await self._exchange(line)
        except OSError as error:  # TimeoutError is one
            raise NoServer(f"No server answers on {self._path}.") from error
        reply = orjson.loads(answer)
        if "error" in reply:
            problem = reply["error"]
            raise OperationFailed(
                problem["message"], problem["code"], problem["param"], problem["resolution"]
            )
        return reply["result"]

    async def _exchange(self, line: bytes) -> bytes:
        with short_path(self._path) as path:
            reader, writer = await asyncio.open_unix_connection(path)
        try:
            writer.write(line)
            await writer.drain()
            answer = await reader.read()
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
        if not answer:
            raise ConnectionResetError("closed without an answer")
        return answer


async def _read_line(connection: socket.socket) -> bytes:
    """Up to the first newline, the end of the stream, or more than a request may be."""
    loop = asyncio.get_running_loop()
    line = b""
    while b"\n" not in line and len(line) <= _LONGEST_REQUEST:
        chunk = await loop.sock_recv(connection, 65_536)
        if not chunk:
            break
        line += chunk
    return line


def _listen(path: Path) -> socket.socket:
    """A listening socket that takes the place of a stale one at once, and is never open to others."""
    draft = path.with_name(f".{secrets.token_hex(4)}.sock")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with short_path(draft) as short:
            listener.bind(short)
        draft.chmod(0o600)
        listener.listen()
        os.replace(draft, path)  # noqa: PTH105 - Path.replace says no more
    except OSError:
        listener.close()
        draft.unlink(missing_ok=True)
        raise
    listener.setblocking(False)
    return listener


def _request(line: bytes) -> tuple[str, dict[str, Any]]:
    try:
        request = orjson.loads(line)
        name, arguments = request["operation"], request["arguments"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise InvalidRequest("An admin request is one line of JSON: operation, arguments.") from error
    if not isinstance(name, str) or not isinstance(arguments, dict):
        raise InvalidRequest("operation is a name and arguments are an object.")
    return name, arguments

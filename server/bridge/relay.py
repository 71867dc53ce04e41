"""Passes messages between a client at the pipes and a server behind HTTP, and pays where it must."""

import logging
from collections.abc import Mapping
from typing import Any, Final

import anyio
import mcp_types as types
from anyio.abc import TaskGroup
from mcp.shared._stream_protocols import ReadStream, WriteStream
from mcp.shared.message import ClientMessageMetadata, SessionMessage

from server.bridge.headers import Era
from server.bridge.purse import Unaffordable
from server.bridge.till import Till, meta_of
from server.mcp.results import PAYMENT

Incoming = ReadStream[SessionMessage | Exception]
Outgoing = WriteStream[SessionMessage]
_CANCELLED: Final = "notifications/cancelled"
_logger: Final = logging.getLogger("batchin.bridge")


class Relay:
    """Changes nothing of what passes, but for calls that are answered with a challenge: with a wallet
    they are paid and sent again, and the client sees the answer alone."""

    def __init__(self, client: Outgoing, server: Outgoing, till: Till | None) -> None:
        self._client = client
        self._server = server
        self._till = till
        self._era = Era()
        self._payable: dict[types.RequestId, types.JSONRPCRequest] = {}

    async def run(self, from_client: Incoming, from_server: Incoming) -> None:
        """Until the client closes its end."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._down, from_server, tasks)
            await self._up(from_client)
            tasks.cancel_scope.cancel()

    async def _up(self, messages: Incoming) -> None:
        async for received in messages:
            if isinstance(received, Exception):
                _logger.error("a line of the client is no JSON-RPC message and was passed over")
                continue
            message = received.message
            if isinstance(message, types.JSONRPCRequest) and message.method == "tools/call":
                if self._till is not None:
                    self._payable[message.id] = message
            elif isinstance(message, types.JSONRPCNotification) and message.method == _CANCELLED:
                self._given_up((message.params or {}).get("requestId", ""))
            await self._send(message)

    async def _down(self, messages: Incoming, tasks: TaskGroup) -> None:
        async for received in messages:
            if isinstance(received, Exception):
                _logger.error("the server sent no JSON-RPC message: %s", type(received).__name__)
                continue
            message = received.message
            self._era.heed(message)
            if isinstance(message, types.JSONRPCResponse) and message.id in self._payable:
                tasks.start_soon(self._answered, self._payable[message.id], message)
            else:
                if isinstance(message, types.JSONRPCError) and message.id is not None:
                    self._given_up(message.id)
                await self._client.send(received)

    async def _answered(self, request: types.JSONRPCRequest, response: types.JSONRPCResponse) -> None:
        """A call was answered: with a challenge that is paid now, or for good."""
        assert self._till is not None
        challenge = _challenge(response.result)
        if challenge is None or PAYMENT in meta_of(request):
            self._payable.pop(request.id, None)
            await self._till.answered(request.id, response.result.get("_meta") or {})
            await self._client.send(SessionMessage(response))
            return
        try:
            paid = await self._till.pay(request, challenge)
        except Unaffordable as error:
            self._payable.pop(request.id, None)
            await self._client.send(SessionMessage(_unpaid(response, str(error))))
            return
        if request.id in self._payable:
            self._payable[request.id] = paid
            await self._send(paid)

    def _given_up(self, request_id: types.RequestId) -> None:
        self._payable.pop(request_id, None)
        if self._till is not None:
            self._till.forget(request_id)

    async def _send(self, message: types.JSONRPCMessage) -> None:
        headers = self._era.headers(message)
        await self._server.send(SessionMessage(message, ClientMessageMetadata(headers=headers)))


def _challenge(result: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The x402 challenge in a result, in either binding."""
    found = result.get("paymentRequired")
    if found is None and result.get("isError"):
        found = result.get("structuredContent")
    return found if isinstance(found, Mapping) and "x402Version" in found else None


def _unpaid(response: types.JSONRPCResponse, why: str) -> types.JSONRPCResponse:
    """The challenge, told to the model with the reason why it was not paid."""
    text = {"type": "text", "text": f"Not paid, nothing ran. {why}"}
    return response.model_copy(update={"result": {**response.result, "content": [text]}})

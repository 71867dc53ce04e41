"""The official MCP client on a running server, for the commands that visit one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
from mcp import Client
from mcp.client.client import ConnectMode
from mcp.client.streamable_http import streamable_http_client

PATH = "/v1/mcp"


@asynccontextmanager
async def mcp_client(http: httpx2.AsyncClient, mode: ConnectMode = "auto") -> AsyncIterator[Client]:
    """Connected over streamable HTTP with the credentials of ``http``; its base URL names the server.
    ``mode`` is the SDK's: ``legacy`` for the handshake, ``auto`` for the newest that both speak."""
    transport = streamable_http_client(str(http.base_url.join(PATH)), http_client=http)
    async with Client(transport, mode=mode) as client:
        yield client

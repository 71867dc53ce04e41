"""The official MCP client on a running server, for the commands that visit one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

PATH = "/v1/mcp"


@asynccontextmanager
async def mcp_client(http: httpx2.AsyncClient) -> AsyncIterator[Client]:
    """Connected over streamable HTTP with the credentials of ``http``; its base URL names the server."""
    transport = streamable_http_client(str(http.base_url.join(PATH)), http_client=http)
    async with Client(transport) as client:
        yield client

"""Runs the bridge: standard input and output on one side, a server's MCP door on the other."""

import httpx2
from mcp.client.streamable_http import streamable_http_client
from mcp.server.stdio import stdio_server

from server.bridge.courier import Courier, Key
from server.bridge.relay import Relay
from server.bridge.till import Till
from server.bridge.wallet import Wallet
from server.client import http_client
from server.mcp.client import PATH

_TIMEOUT = httpx2.Timeout(10.0, read=None)  # a call takes what the server lets it take


async def bridge(url: str, key: str | None, wallet: Wallet | None) -> None:
    """Serve the client at the pipes until it closes them."""
    outside = http_client(url)
    courier = Courier(outside, wallet or Key(key))
    till = Till(wallet, outside) if wallet else None
    async with (
        httpx2.AsyncClient(transport=courier, timeout=_TIMEOUT) as http,
        streamable_http_client(url + PATH, http_client=http, terminate_on_close=False) as (
            from_server,
            to_server,
        ),
        stdio_server() as (from_client, to_client),
    ):
        await Relay(to_client, to_server, till).run(from_client, from_server)

"""The chain client: what a node says, and what becomes of one that says nothing."""

from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from settlement.chain.client import ChainClient
from settlement.chain.devchain import DevChain
from settlement.chain.errors import ChainUnavailable, RpcRefused
from tests.chains import new_address
from tests.live import free_port
from tests.unit.settlement.chain.faulty_node import AFTER, faulty_node


async def test_reads_of_a_real_chain(dev_chain: DevChain) -> None:
    async with ChainClient(lambda: dev_chain.rpc_url) as client:
        assert await client.chain_id() == 31337
        assert await client.nonce(new_address()) == 0
        assert await client.balance_wei(new_address()) == 0
        assert await client.receipt("0x" + "00" * 32) is None
        assert not await client.knows("0x" + "00" * 32)
        with pytest.raises(RpcRefused, match="does not exist"):
            await client.request("eth_nothing")


async def test_the_chain_id_is_asked_once(dev_chain: DevChain) -> None:
    async with faulty_node(dev_chain.rpc_url) as node, ChainClient(lambda: node.url) as client:
        assert [await client.chain_id() for _ in range(3)] == [31337] * 3
        assert node.seen == {"eth_chainId": 1}


async def test_a_lost_connection_is_tried_once_more(dev_chain: DevChain) -> None:
    async with faulty_node(dev_chain.rpc_url) as node, ChainClient(lambda: node.url) as client:
        node.lose["eth_gasPrice"] = AFTER
        with pytest.raises(ChainUnavailable):
            await client.gas_price_wei()
        assert node.seen == {"eth_gasPrice": 2}


async def test_nobody_listens() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    async with ChainClient(lambda: url) as client:
        with pytest.raises(ChainUnavailable) as caught:
            await client.nonce(new_address())
    assert caught.value.status == 503


async def _garbage(request: web.Request) -> web.Response:
    return web.Response(text="<html>")


async def _no_json_rpc(request: web.Request) -> web.Response:
    return web.json_response([1])


async def _failing(request: web.Request) -> web.Response:
    return web.Response(status=500)


@pytest.mark.parametrize("answer", [_garbage, _no_json_rpc, _failing])
async def test_a_node_that_talks_nonsense(
    answer: Callable[[web.Request], Awaitable[web.Response]],
) -> None:
    app = web.Application()
    app.router.add_post("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with ChainClient(lambda: url) as client:
            with pytest.raises(ChainUnavailable):
                await client.nonce(new_address())
    finally:
        await runner.cleanup()

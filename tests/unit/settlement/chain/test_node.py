"""The development chain's node, as wallets and SDKs talk to it."""

from typing import Any

import aiohttp
import pytest
from web3 import HTTPProvider, Web3

from settlement.chain import devnet
from settlement.chain.devchain import DevChain
from settlement.chain.funding import fund, fund_gas, usdc_balance
from tests.chains import new_address, new_payer

JSON = {"Content-Type": "application/json"}


async def _post(chain: DevChain, body: Any, **headers: str) -> tuple[int, Any]:
    raw = body if isinstance(body, bytes) else None
    async with (
        aiohttp.ClientSession(headers={**JSON, **headers}) as session,
        session.post(chain.rpc_url, data=raw, json=None if raw is not None else body) as response,
    ):
        return response.status, await response.json(content_type=None)


def _request(method: str, *params: Any, id_: Any = 1) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id_, "method": method, "params": list(params)}


def _usdc(web3: Any) -> Any:
    abi = devnet.artifact("DevUSDC")["abi"]
    return web3.eth.contract(web3.to_checksum_address(devnet.USDC), abi=abi)


async def _error(chain: DevChain, method: str, *params: Any) -> tuple[int, str]:
    _, answer = await _post(chain, _request(method, *params))
    return answer["error"]["code"], answer["error"]["message"]


async def test_it_says_which_chain_it_is(dev_chain: DevChain) -> None:
    web3: Any = Web3(HTTPProvider(dev_chain.rpc_url))
    assert web3.eth.chain_id == 31337
    assert web3.net.version == "31337"
    assert dev_chain.network == "eip155:31337"
    assert web3.to_hex(web3.eth.get_block(0)["hash"]) == dev_chain.genesis
    usdc = web3.eth.contract(
        web3.to_checksum_address(dev_chain.usdc), abi=devnet.artifact("DevUSDC")["abi"]
    )
    assert usdc.functions.name().call() == "USDC"
    assert usdc.functions.version().call() == "2"
    assert usdc.functions.decimals().call() == 6


async def test_a_batch_is_answered_in_order_without_its_notifications(dev_chain: DevChain) -> None:
    notification = {"jsonrpc": "2.0", "method": "eth_chainId"}
    batch = [_request("eth_chainId", id_="a"), notification, _request("net_version", id_=None), 7]
    status, answers = await _post(dev_chain, batch)
    assert status == 200
    assert [(item["id"], item.get("result")) for item in answers] == [
        ("a", "0x7a69"),
        (None, "31337"),
        (None, None),
    ]
    assert answers[2]["error"]["code"] == -32600


@pytest.mark.parametrize(
    ("method", "params", "code", "words"),
    [
        ("eth_subscribe", ["newHeads"], -32601, "eth_subscribe does not exist"),
        ("debug_traceTransaction", [], -32601, "does not exist"),
        ("eth_getBalance", ["0x12"], -32602, "expected 20 bytes"),
        ("eth_getBalance", ["0xzz"], -32602, "expected 20 bytes"),
        ("eth_getBalance", [], -32602, "wrong params"),
        ("eth_getBalance", [devnet.USDC, "0xffffff"], -32602, "unknown block"),
        ("eth_call", [{}, "latest", {devnet.USDC: {"code": "0x"}}], -32602, "overrides"),
        ("eth_sendRawTransaction", ["0x1234"], -32000, "invalid transaction"),
        ("eth_getLogs", [{"topics": [None] * 5}], -32602, "at most 4 topics"),
    ],
)
async def test_what_it_can_not_do_is_a_clear_error(
    dev_chain: DevChain, method: str, params: list[Any], code: int, words: str
) -> None:
    got_code, message = await _error(dev_chain, method, *params)
    assert got_code == code
    assert words in message


async def test_bodies_that_are_no_requests(dev_chain: DevChain) -> None:
    for body, code in (
        (b"{", -32700),
        (b"[" * 100_000, -32700),
        ([], -32600),
        ([_request("eth_chainId")] * 101, -32600),
        ({"id": 1, "method": "eth_call", "params": {}}, -32602),
    ):
        _, answer = await _post(dev_chain, body)
        assert answer["error"]["code"] == code
    assert dev_chain.restarts == 0


async def test_web_pages_can_not_use_it(dev_chain: DevChain) -> None:
    body = b'{"id":1,"method":"eth_chainId"}'
    async with aiohttp.ClientSession() as session:
        for headers, status in (
            ({**JSON, "Host": "rebound.example:80"}, 421),
            ({"Content-Type": "text/plain"}, 415),
        ):
            async with session.post(dev_chain.rpc_url, data=body, headers=headers) as response:
                assert response.status == status
        preflight = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
        async with session.options(dev_chain.rpc_url, headers=preflight) as response:
            assert response.status == 405
            assert not [name for name in response.headers if name.lower().startswith("access-control")]


async def test_money_moves_and_history_is_kept(dev_chain: DevChain) -> None:
    web3: Any = Web3(HTTPProvider(dev_chain.rpc_url))
    usdc = web3.eth.contract(
        web3.to_checksum_address(dev_chain.usdc), abi=devnet.artifact("DevUSDC")["abi"]
    )
    payer, payee = new_payer(), web3.to_checksum_address(new_address())
    await fund_gas(dev_chain.rpc_url, payer.address)
    minted = web3.eth.get_transaction_receipt(await fund(dev_chain.rpc_url, payer.address, 700))

    transfer = usdc.functions.transfer(payee, 250).build_transaction({"from": payer.address, "nonce": 0})
    sent = web3.eth.send_raw_transaction(payer.account.sign_transaction(transfer).raw_transaction)
    receipt = web3.eth.wait_for_transaction_receipt(sent)

    assert receipt["status"] == 1
    assert receipt["blockNumber"] > minted["blockNumber"]
    [event] = usdc.events.Transfer().process_receipt(receipt)
    assert event["args"] == {"from": payer.address, "to": payee, "value": 250}
    assert await usdc_balance(dev_chain.rpc_url, payee) == 250
    assert usdc.functions.balanceOf(payer.address).call() == 450
    assert usdc.functions.balanceOf(payer.address).call(block_identifier=minted["blockNumber"]) == 700
    assert web3.eth.get_transaction(sent)["from"] == payer.address
    assert web3.eth.get_block(receipt["blockNumber"])["transactions"] == [sent]
    logs = usdc.events.Transfer().get_logs(from_block=0, argument_filters={"to": payee})
    assert [log["transactionHash"] for log in logs] == [sent]
    assert not usdc.events.Transfer().get_logs(from_block=receipt["blockNumber"] + 1)


async def test_transactions_that_no_block_can_hold(dev_chain: DevChain) -> None:
    web3: Any = Web3(HTTPProvider(dev_chain.rpc_url))
    payer = new_payer()
    await fund_gas(dev_chain.rpc_url, payer.address)

    def send(**changes: Any) -> None:
        transaction = {
            "to": payer.address,
            "value": 1,
            "nonce": 0,
            "gas": 21_000,
            "maxFeePerGas": 10**10,
            "maxPriorityFeePerGas": 1,
            "chainId": 31337,
            **changes,
        }
        web3.eth.send_raw_transaction(payer.account.sign_transaction(transaction).raw_transaction)

    for changes, words in (
        ({"nonce": 1}, "nonce too high"),
        ({"chainId": 8453}, "invalid chain id"),
        ({"value": 10**24}, "insufficient funds"),
        ({"gas": 20_000}, "gas"),
        ({"maxFeePerGas": 1}, "fee"),
    ):
        with pytest.raises(Exception, match=words):
            send(**changes)
    assert web3.eth.get_transaction_count(payer.address) == 0
    send()
    with pytest.raises(Exception, match="already known"):
        send()
    with pytest.raises(Exception, match="nonce too low"):
        send(value=2)
    assert web3.eth.get_transaction_count(payer.address) == 1

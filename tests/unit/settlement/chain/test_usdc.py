"""The development USDC behaves as USDC does: EIP-3009, EIP-2612, ERC-1271, and its refusals."""

import secrets
import time
from typing import Any

import pytest
from web3 import HTTPProvider, Web3
from web3.exceptions import ContractLogicError
from web3.logs import DISCARD

from settlement.chain import devnet
from settlement.chain.devchain import DevChain
from settlement.chain.funding import fund_gas
from settlement.x402.facilitator import Authorization
from tests.chains import Payer, funded_payer, new_address, new_payer

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


class Shop:
    """Sends calls to USDC and tells what came of them."""

    def __init__(self, chain: DevChain, sender: Payer) -> None:
        self.web3: Any = Web3(HTTPProvider(chain.rpc_url))
        abi = devnet.artifact("DevUSDC")["abi"]
        self.usdc: Any = self.web3.eth.contract(self.web3.to_checksum_address(devnet.USDC), abi=abi)
        self.sender = sender

    def send(self, function: Any) -> Any:
        """Carry out a call of the contract; a revert raises with its reason."""
        nonce = self.web3.eth.get_transaction_count(self.sender.address)
        transaction = function.build_transaction({"from": self.sender.address, "nonce": nonce})
        signed = self.sender.account.sign_transaction(transaction)
        receipt = self.web3.eth.wait_for_transaction_receipt(
            self.web3.eth.send_raw_transaction(signed.raw_transaction)
        )
        assert receipt["status"] == 1
        return receipt

    def refuses(self, function: Any, reason: str) -> None:
        with pytest.raises(ContractLogicError) as caught:
            self.send(function)
        assert caught.value.message == f"execution reverted: {reason}"

    def balance(self, address: str) -> int:
        return int(self.usdc.functions.balanceOf(address).call())

    def transfer(self, authorization: Authorization, name: str = "transferWithAuthorization") -> Any:
        function = self.usdc.get_function_by_signature(
            f"{name}(address,address,uint256,uint256,uint256,bytes32,bytes)"
        )
        return function(*_arguments(authorization), authorization.signature)

    def transfer_vrs(self, authorization: Authorization, name: str = "transferWithAuthorization") -> Any:
        function = self.usdc.get_function_by_signature(
            f"{name}(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)"
        )
        return function(*_arguments(authorization), *_vrs(authorization.signature))


def _arguments(authorization: Authorization) -> tuple[Any, ...]:
    return (
        authorization.payer,
        authorization.payee,
        authorization.value_atomic,
        authorization.valid_after,
        authorization.valid_before,
        authorization.nonce,
    )


def _vrs(signature: bytes) -> tuple[int, bytes, bytes]:
    return signature[64], signature[:32], signature[32:64]


@pytest.fixture
async def shop(dev_chain: DevChain) -> Shop:
    sender = new_payer()
    await fund_gas(dev_chain.rpc_url, sender.address)
    return Shop(dev_chain, sender)


@pytest.fixture
async def payer(dev_chain: DevChain) -> Payer:
    return await funded_payer(dev_chain, 1000)


@pytest.mark.parametrize("form", [Shop.transfer, Shop.transfer_vrs])
async def test_an_authorization_moves_its_money_once(shop: Shop, payer: Payer, form: Any) -> None:
    payee = new_address()
    authorization = payer.authorize(payee, 300)
    receipt = shop.send(form(shop, authorization))
    [used] = shop.usdc.events.AuthorizationUsed().process_receipt(receipt, DISCARD)
    assert used["args"]["authorizer"] == payer.address
    assert "0x" + used["args"]["nonce"].hex() == authorization.nonce
    assert (shop.balance(payer.address), shop.balance(payee)) == (700, 300)
    assert shop.usdc.functions.authorizationState(payer.address, authorization.nonce).call()
    shop.refuses(form(shop, authorization), "FiatTokenV2: authorization is used or canceled")
    assert shop.balance(payee) == 300


async def test_what_the_payer_did_not_sign_is_refused(shop: Shop, payer: Payer) -> None:
    wrong = "FiatTokenV2: invalid signature"
    true = payer.authorize(new_address(), 300)
    arguments = list(_arguments(true))
    changes = {0: new_address(), 1: new_address(), 2: 301, 3: 1, 4: 2**40, 5: secrets.token_bytes(32)}
    function = shop.usdc.get_function_by_signature(
        "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)"
    )
    for position, value in changes.items():
        changed = [*arguments[:position], value, *arguments[position + 1 :]]
        shop.refuses(function(*changed, true.signature), wrong)
    received = payer.authorize(new_address(), 300, primary_type="ReceiveWithAuthorization")
    shop.refuses(shop.transfer(received), wrong)
    assert shop.balance(payer.address) == 1000


async def test_windows_balances_and_addresses(shop: Shop, payer: Payer) -> None:
    now, payee = int(time.time()), new_address()
    for authorization, reason in (
        (payer.authorize(payee, 1, valid_before=now - 1), "FiatTokenV2: authorization is expired"),
        (
            payer.authorize(payee, 1, valid_after=now + 900),
            "FiatTokenV2: authorization is not yet valid",
        ),
        (payer.authorize(payee, 1001), "ERC20: transfer amount exceeds balance"),
        (payer.authorize("0x" + "00" * 20, 1), "ERC20: transfer to the zero address"),
    ):
        shop.refuses(shop.transfer(authorization), reason)
        assert not shop.usdc.functions.authorizationState(payer.address, authorization.nonce).call()


async def test_malleable_and_malformed_signatures(shop: Shop, payer: Payer) -> None:
    authorization = payer.authorize(new_address(), 300)
    v, r, s = _vrs(authorization.signature)
    high_s = (ORDER - int.from_bytes(s, "big")).to_bytes(32, "big")
    function = shop.usdc.get_function_by_signature(
        "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)"
    )
    for signature, reason in (
        (r + high_s + bytes((55 - v,)), "ECRecover: invalid signature 's' value"),
        (r + s + bytes((v - 27,)), "ECRecover: invalid signature 'v' value"),
        (r + s, "ECRecover: invalid signature length"),
        (b"", "ECRecover: invalid signature length"),
        (bytes(64) + b"\x1b", "ECRecover: invalid signature"),
    ):
        shop.refuses(function(*_arguments(authorization), signature), reason)


@pytest.mark.parametrize("form", [Shop.transfer, Shop.transfer_vrs])
async def test_only_the_payee_receives_with_an_authorization(
    shop: Shop, payer: Payer, form: Any
) -> None:
    name = "receiveWithAuthorization"
    stranger = payer.authorize(new_address(), 10, primary_type="ReceiveWithAuthorization")
    shop.refuses(form(shop, stranger, name), "FiatTokenV2: caller must be the payee")
    own = payer.authorize(shop.sender.address, 10, primary_type="ReceiveWithAuthorization")
    shop.send(form(shop, own, name))
    assert shop.balance(shop.sender.address) == 10


@pytest.mark.parametrize("form", ["bytes", "vrs"])
async def test_a_cancelled_authorization_moves_nothing(shop: Shop, payer: Payer, form: str) -> None:
    authorization = payer.authorize(new_address(), 300)
    types = {
        "CancelAuthorization": [
            {"name": "authorizer", "type": "address"},
            {"name": "nonce", "type": "bytes32"},
        ]
    }
    message = {"authorizer": payer.address, "nonce": bytes.fromhex(authorization.nonce[2:])}
    signature = payer.sign(types, message)
    cancel = (
        shop.usdc.get_function_by_signature("cancelAuthorization(address,bytes32,bytes)")(
            payer.address, authorization.nonce, signature
        )
        if form == "bytes"
        else shop.usdc.get_function_by_signature(
            "cancelAuthorization(address,bytes32,uint8,bytes32,bytes32)"
        )(payer.address, authorization.nonce, *_vrs(signature))
    )
    receipt = shop.send(cancel)
    assert len(shop.usdc.events.AuthorizationCanceled().process_receipt(receipt, DISCARD)) == 1
    used = "FiatTokenV2: authorization is used or canceled"
    shop.refuses(shop.transfer(authorization), used)
    shop.refuses(cancel, used)


@pytest.mark.parametrize("form", ["bytes", "vrs"])
async def test_permits(shop: Shop, payer: Payer, form: str) -> None:
    fields = ("owner:address", "spender:address", "value:uint256", "nonce:uint256", "deadline:uint256")
    types = {"Permit": [dict(zip(("name", "type"), field.split(":"), strict=True)) for field in fields]}

    def permit(deadline: int, nonce: int) -> Any:
        message = {
            "owner": payer.address,
            "spender": shop.sender.address,
            "value": 400,
            "nonce": nonce,
            "deadline": deadline,
        }
        signature = payer.sign(types, message)
        arguments = (payer.address, shop.sender.address, 400, deadline)
        if form == "bytes":
            name = "permit(address,address,uint256,uint256,bytes)"
            return shop.usdc.get_function_by_signature(name)(*arguments, signature)
        name = "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)"
        return shop.usdc.get_function_by_signature(name)(*arguments, *_vrs(signature))

    payee = new_address()
    shop.refuses(permit(int(time.time()) - 5, 0), "FiatTokenV2: permit is expired")
    shop.refuses(permit(2**256 - 1, 1), "EIP2612: invalid signature")
    shop.send(permit(2**256 - 1, 0))
    shop.refuses(permit(2**256 - 1, 0), "EIP2612: invalid signature")
    shop.send(shop.usdc.functions.transferFrom(payer.address, payee, 150))
    assert shop.usdc.functions.allowance(payer.address, shop.sender.address).call() == 250
    shop.refuses(
        shop.usdc.functions.transferFrom(payer.address, payee, 251),
        "ERC20: transfer amount exceeds allowance",
    )
    assert (shop.balance(payer.address), shop.balance(payee)) == (850, 150)


async def test_a_contract_pays_with_its_owners_signature(
    shop: Shop, payer: Payer, dev_chain: DevChain
) -> None:
    artifact = devnet.artifact("DevSmartWallet")
    factory = shop.web3.eth.contract(abi=artifact["abi"], bytecode=artifact["creation"])
    wallet = shop.send(factory.constructor(payer.address))["contractAddress"]
    shop_payer = Shop(dev_chain, payer)
    await fund_gas(dev_chain.rpc_url, payer.address)
    shop_payer.send(shop.usdc.functions.transfer(wallet, 500))
    payee = new_address()
    for form in (shop.transfer, shop.transfer_vrs):
        shop.send(form(payer.authorize(payee, 100, sender=wallet)))
    shop.refuses(
        shop.transfer(new_payer().authorize(payee, 100, sender=wallet)), "FiatTokenV2: invalid signature"
    )
    assert (shop.balance(wallet), shop.balance(payee)) == (300, 200)


async def test_money_is_made_by_the_funder_alone(shop: Shop) -> None:
    mint = shop.usdc.functions.mint(shop.sender.address, 1)
    shop.refuses(mint, "FiatToken: caller is not a minter")

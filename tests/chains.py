"""A real development chain for tests, and payers that sign for it."""

import asyncio
import contextlib
import secrets
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from eth_account import Account
from eth_account.signers.local import LocalAccount
from x402.mechanisms.evm import constants

from settlement.chain import devnet
from settlement.chain.client import ChainClient
from settlement.chain.devchain import DevChain
from settlement.chain.funding import fund, fund_gas
from settlement.chain.keys import Transaction, local_signer
from settlement.chain.permit2 import EXACT_PROXY, PERMIT2, UPTO_PROXY
from settlement.x402.facilitator import Approval, Authorization, Method, Scheme

T = TypeVar("T")
_TRANSFER_TYPE = [
    {"name": "from", "type": "address"},
    {"name": "to", "type": "address"},
    {"name": "value", "type": "uint256"},
    {"name": "validAfter", "type": "uint256"},
    {"name": "validBefore", "type": "uint256"},
    {"name": "nonce", "type": "bytes32"},
]
_TOKEN_PERMIT = {
    "Permit": [
        {"name": "owner", "type": "address"},
        {"name": "spender", "type": "address"},
        {"name": "value", "type": "uint256"},
        {"name": "nonce", "type": "uint256"},
        {"name": "deadline", "type": "uint256"},
    ]
}


@contextmanager
def running_chain(folder: Path) -> Iterator[DevChain]:
    """A chain that outlives the event loops of single tests: it is kept by a loop in a thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="dev chain", daemon=True)
    thread.start()

    def wait(coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(90)

    chain = DevChain(folder)
    wait(chain.__aenter__())
    try:
        yield chain
    finally:
        wait(chain.__aexit__(None, None, None))
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        with contextlib.suppress(RuntimeError):
            loop.close()


@dataclass(frozen=True, slots=True)
class Payer:
    """A wallet that signs EIP-3009 authorizations as eth-account and x402's clients do."""

    account: LocalAccount

    @property
    def address(self) -> str:
        return str(self.account.address)

    def authorize(
        self,
        payee: str,
        value_atomic: int,
        *,
        nonce: bytes | None = None,
        valid_after: int = 0,
        valid_before: int | None = None,
        sender: str | None = None,
        primary_type: str = "TransferWithAuthorization",
    ) -> Authorization:
        """A signed authorization; ``sender`` pays when it is a contract that this wallet owns."""
        nonce = nonce or secrets.token_bytes(32)
        valid_before = valid_before or int(time.time()) + 3600
        message = {
            "from": sender or self.address,
            "to": payee,
            "value": value_atomic,
            "validAfter": valid_after,
            "validBefore": valid_before,
            "nonce": nonce,
        }
        signature = self.sign({primary_type: _TRANSFER_TYPE}, message)
        return Authorization(
            network=devnet.NETWORK,
            asset=devnet.USDC,
            payer=sender or self.address,
            payee=payee,
            value_atomic=value_atomic,
            valid_after=valid_after,
            valid_before=valid_before,
            nonce="0x" + nonce.hex(),
            signature=signature,
        )

    def permit(
        self,
        payee: str,
        value_atomic: int,
        *,
        facilitator: str = "",
        settles_atomic: int | None = None,
        nonce: int | None = None,
        valid_after: int = 0,
        deadline: int | None = None,
        sender: str | None = None,
        approval: Approval | None = None,
    ) -> Authorization:
        """A signed permit for Permit2: of scheme upto when it names a facilitator, else exact."""
        nonce = secrets.randbits(256) if nonce is None else nonce
        deadline = deadline or int(time.time()) + 3600
        witness = {"to": payee, "validAfter": valid_after}
        message = {
            "permitted": {"token": devnet.USDC, "amount": value_atomic},
            "spender": UPTO_PROXY if facilitator else EXACT_PROXY,
            "nonce": nonce,
            "deadline": deadline,
            "witness": witness | ({"facilitator": facilitator} if facilitator else {}),
        }
        types = constants.UPTO_PERMIT2_WITNESS_TYPES if facilitator else constants.PERMIT2_WITNESS_TYPES
        domain = {"name": "Permit2", "chainId": devnet.CHAIN_ID, "verifyingContract": PERMIT2}
        return Authorization(
            network=devnet.NETWORK,
            asset=devnet.USDC,
            payer=sender or self.address,
            payee=payee,
            value_atomic=value_atomic,
            valid_after=valid_after,
            valid_before=deadline,
            nonce=f"0x{nonce:064x}",
            signature=bytes(self.account.sign_typed_data(domain, types, message).signature),
            scheme=Scheme.UPTO if facilitator else Scheme.EXACT,
            method=Method.PERMIT2,
            settles_atomic=settles_atomic,
            facilitator=facilitator,
            approval=approval,
        )

    def approval(self, value_atomic: int, nonce: int = 0) -> Approval:
        """A signed EIP-2612 permit by which Permit2 gets the tokens; ``nonce`` counts this wallet's."""
        deadline = int(time.time()) + 3600
        message = {
            "owner": self.address,
            "spender": PERMIT2,
            "value": value_atomic,
            "nonce": nonce,
            "deadline": deadline,
        }
        return Approval(value_atomic, deadline, self.sign(_TOKEN_PERMIT, message), nonce)

    async def send(self, rpc_url: str, to: str, data: bytes, gas: int = 300_000) -> bool:
        """A transaction of this wallet, which must have gas; whether it succeeded."""
        async with ChainClient(lambda: rpc_url) as client:
            nonce = await client.nonce(self.address)
            unsigned = Transaction(devnet.CHAIN_ID, nonce, to, data, gas, 10**10)
            signed = await local_signer(bytes(self.account.key)).sign(unsigned)
            return (await client.wait_receipt(await client.send_raw(signed.raw))).succeeded

    def sign(self, types: dict[str, Any], message: dict[str, Any]) -> bytes:
        """An EIP-712 signature in USDC's domain."""
        domain = {
            "name": devnet.USDC_NAME,
            "version": devnet.USDC_VERSION,
            "chainId": devnet.CHAIN_ID,
            "verifyingContract": devnet.USDC,
        }
        return bytes(self.account.sign_typed_data(domain, types, message).signature)


def new_payer() -> Payer:
    """A fresh wallet without money."""
    return Payer(Account.create())


def new_address() -> str:
    return new_payer().address


async def funded_payer(chain: DevChain, amount_atomic: int = 1_000_000) -> Payer:
    payer = new_payer()
    await fund(chain.rpc_url, payer.address, amount_atomic)
    return payer


async def deployed(rpc_url: str, creation: bytes) -> str:
    """The address of a new contract, made by a stranger."""
    return await asyncio.to_thread(_deploy, rpc_url, creation)


def _deploy(rpc_url: str, creation: bytes) -> str:
    import requests
    from web3 import HTTPProvider, Web3

    maker = Account.create()
    asyncio.run(fund_gas(rpc_url, maker.address))
    with requests.Session() as session:
        web3 = Web3(HTTPProvider(rpc_url, session=session))
        signed = maker.sign_transaction(
            {
                "data": creation,
                "value": 0,
                "gas": 3_000_000,
                "nonce": 0,
                "chainId": devnet.CHAIN_ID,
                "maxFeePerGas": 2 * web3.eth.gas_price,
                "maxPriorityFeePerGas": 0,
            }
        )
        sent = web3.eth.send_raw_transaction(signed.raw_transaction)
        address = web3.eth.wait_for_transaction_receipt(sent, poll_latency=0.02)["contractAddress"]
    assert address is not None
    return str(address)


async def smart_wallet(rpc_url: str, owner: Payer) -> str:
    """A new ERC-1271 wallet of an owner."""
    creation = bytes.fromhex(devnet.artifact("DevSmartWallet")["creation"][2:])
    return await deployed(rpc_url, creation + bytes.fromhex(owner.address[2:]).rjust(32, b"\0"))


async def eventually(condition: Callable[[], Coroutine[Any, Any, bool]], what: str) -> None:
    """Poll until it holds; fail after 30 s."""
    deadline = time.monotonic() + 60
    while not await condition():
        assert time.monotonic() < deadline, f"not within 30 s: {what}"
        await asyncio.sleep(0.02)

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

from settlement.chain import devnet
from settlement.chain.devchain import DevChain
from settlement.chain.funding import fund
from settlement.x402.facilitator import Authorization

T = TypeVar("T")
_TRANSFER_TYPE = [
    {"name": "from", "type": "address"},
    {"name": "to", "type": "address"},
    {"name": "value", "type": "uint256"},
    {"name": "validAfter", "type": "uint256"},
    {"name": "validBefore", "type": "uint256"},
    {"name": "nonce", "type": "bytes32"},
]


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


async def eventually(condition: Callable[[], Coroutine[Any, Any, bool]], what: str) -> None:
    """Poll until it holds; fail after 30 s."""
    deadline = time.monotonic() + 30
    while not await condition():
        assert time.monotonic() < deadline, f"not within 30 s: {what}"
        await asyncio.sleep(0.02)

"""Sign-in with a wallet: the message that wallets know, and every way to get in that is none."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from eth_account import Account
from eth_account.messages import encode_defunct

from base.caller import CallerKind
from base.errors import SignInRefused, Unauthorized
from settlement.ledger.ids import CHAIN, wallet_account_id
from settlement.ledger.keys import Keys
from settlement.ledger.ops import post
from settlement.ledger.tables import TABLES as LEDGER
from settlement.sign_in.message import SignInMessage
from settlement.sign_in.nonces import Nonces
from settlement.sign_in.sign_in import SignIn
from settlement.sign_in.tables import TABLES
from tests.clocks import HandClock
from tests.stores import fresh_store

URL, NETWORK = "https://agents.example", "eip155:31337"
WALLET = Account.from_key("0x" + "11" * 32)
OTHER = Account.from_key("0x" + "22" * 32)


class NoContracts:
    """No payer is a contract."""

    async def signed(self, network: str, payer: str, digest: bytes, signature: bytes) -> bool:
        return False


class OneContract(NoContracts):
    """A contract wallet that takes one word for its signature."""

    async def signed(self, network: str, payer: str, digest: bytes, signature: bytes) -> bool:
        return payer.lower() == "0x" + "cc" * 20 and signature == b"contract"


@asynccontextmanager
async def desk(
    folder: Path, clock: HandClock, wallets: NoContracts | None = None, url: str = URL
) -> AsyncIterator[SignIn]:
    async with fresh_store(folder, LEDGER, TABLES) as store:
        keys = Keys(store, clock, b"pepper" * 6)
        await keys.load()
        for address in (WALLET.address, "0x" + "cc" * 20):
            account = wallet_account_id(NETWORK, address)
            await store.commit(post(f"paid:{address}", CHAIN, account, 5, "paid", "x", 0))
        yield SignIn(
            store, keys, clock, Nonces(b"n" * 32), wallets or NoContracts(), url, (NETWORK,), 3600
        )


def proof(sign_in: SignIn, signer: Any = WALLET, **changes: Any) -> dict[str, Any]:
    """As a client makes it: the challenge's info, a chain of those offered, signed."""
    challenge = sign_in.challenge()
    unsigned = {
        **challenge["info"],
        "chainId": challenge["supportedChains"][0]["chainId"],
        "type": challenge["supportedChains"][0]["type"],
        "address": signer.address,
        **changes,
    }
    text = SignInMessage.model_validate({**unsigned, "signature": "0x00"}).text()
    signed = signer.sign_message(encode_defunct(text=text))
    return {**unsigned, "signature": "0x" + bytes(signed.signature).hex()}


def header(payload: Any) -> str:
    return base64.b64encode(orjson.dumps(payload)).decode()


def test_the_message_is_that_of_eip_4361() -> None:
    """The example of the specification, with every optional field."""
    message = SignInMessage.model_validate(
        {
            "domain": "example.com",
            "address": "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2",
            "statement": "I accept the ExampleOrg Terms of Service: https://example.com/tos",
            "uri": "https://example.com/login",
            "version": "1",
            "chainId": "eip155:1",
            "type": "eip191",
            "nonce": "32891756",
            "issuedAt": "2021-09-30T16:25:24Z",
            "resources": [
                "ipfs://bafybeiemxf5abjwjbikoz4mc3a3dla6ual3jsgpdr4cjr3oz3evfyavhwq/",
                "https://example.com/my-web2-claim.json",
            ],
            "signature": "0x00",
        }
    )
    assert message.text() == (
        "example.com wants you to sign in with your Ethereum account:\n"
        "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2\n"
        "\n"
        "I accept the ExampleOrg Terms of Service: https://example.com/tos\n"
        "\n"
        "URI: https://example.com/login\n"
        "Version: 1\n"
        "Chain ID: 1\n"
        "Nonce: 32891756\n"
        "Issued At: 2021-09-30T16:25:24Z\n"
        "Resources:\n"
        "- ipfs://bafybeiemxf5abjwjbikoz4mc3a3dla6ual3jsgpdr4cjr3oz3evfyavhwq/\n"
        "- https://example.com/my-web2-claim.json"
    )
    bare = message.model_copy(update={"statement": None, "resources": None})
    assert "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2\n\n\nURI: " in bare.text()


async def test_a_wallet_that_signs_gets_the_token_of_its_account(tmp_path: Path) -> None:
    clock = HandClock()
    async with desk(tmp_path, clock) as sign_in:
        signed = await sign_in.take(header(proof(sign_in)))
        caller = sign_in.keys.authenticate(signed.access_token)
        assert caller.kind is CallerKind.WALLET
        assert caller.account_id == wallet_account_id(NETWORK, WALLET.address)
        assert signed.expires_at_ms == clock.now_ms() + 3_600_000


async def test_a_sign_in_is_used_once_also_after_a_restart(tmp_path: Path) -> None:
    clock = HandClock()
    async with desk(tmp_path, clock) as sign_in:
        used = header(proof(sign_in))
        await sign_in.take(used)
        with pytest.raises(SignInRefused, match="used before"):
            await sign_in.take(used)
    async with desk(tmp_path, clock) as sign_in:
        with pytest.raises(SignInRefused, match="used before"):
            await sign_in.take(used)
        clock.advance_s(301)
        assert await sign_in.sweep() == 1
        with pytest.raises(SignInRefused, match="expired"):
            await sign_in.take(used)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"domain": "evil.example"}, "is for"),
        ({"uri": "https://evil.example/v1/sign-in"}, "is for"),
        ({"uri": "http://agents.example/v1/sign-in"}, "is for"),
        ({"chainId": "eip155:1"}, "is for eip155:1"),
        ({"version": "2"}, "version"),
        ({"nonce": "a" * 76}, "nonce"),
        ({"nonce": "abcdefgh"}, "nonce"),
        ({"issuedAt": "2026-01-31T22:54:59Z"}, "expired"),
        ({"issuedAt": "2026-01-31T23:01:00Z"}, "not valid yet"),
        ({"issuedAt": "yesterday"}, "RFC 3339"),
        ({"expirationTime": "2026-01-31T22:59:59Z"}, "expired"),
        ({"notBefore": "2026-01-31T23:30:00Z"}, "not valid yet"),
        ({"address": OTHER.address}, "not of that wallet"),
    ],
)
async def test_a_proof_of_another_place_time_or_wallet_is_refused(
    tmp_path: Path, changes: dict[str, Any], why: str
) -> None:
    async with desk(tmp_path, HandClock()) as sign_in:
        with pytest.raises(SignInRefused, match=why):
            await sign_in.take(header(proof(sign_in, **changes)))


async def test_a_wallet_without_anything_here_gets_no_token(tmp_path: Path) -> None:
    async with desk(tmp_path, HandClock()) as sign_in:
        with pytest.raises(SignInRefused, match="paid for nothing"):
            await sign_in.take(header(proof(sign_in, OTHER)))


async def test_a_changed_field_breaks_the_signature(tmp_path: Path) -> None:
    async with desk(tmp_path, HandClock()) as sign_in:
        good = proof(sign_in)
        for name, value in (
            ("statement", "Give me everything."),
            ("requestId", "r-1"),
            ("resources", ["https://agents.example/v1/files"]),
            ("expirationTime", "2026-02-28T00:00:00Z"),
            ("signature", "0x" + "00" * 65),
            ("signature", good["signature"][:-2]),
        ):
            with pytest.raises(SignInRefused, match="not of that wallet"):
                await sign_in.take(header({**good, name: value}))
        await sign_in.take(header(good))  # none of them used it up


async def test_a_contract_wallet_is_asked_itself(tmp_path: Path) -> None:
    async with desk(tmp_path, HandClock(), OneContract()) as sign_in:
        asked = proof(sign_in, address="0x" + "cc" * 20)
        taken = await sign_in.take(header({**asked, "signature": "0x" + b"contract".hex()}))
        assert sign_in.keys.authenticate(taken.access_token).account_id == wallet_account_id(
            NETWORK, "0x" + "cc" * 20
        )


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "%%%",
        "e30=",
        header([]),
        header({"address": "0x00"}),
        "A" * 20_000,
        base64.b64encode(b"\xff\xfe").decode(),
        header("x" * 100),
    ],
)
async def test_what_is_no_proof_is_told_so(tmp_path: Path, bad: str) -> None:
    async with desk(tmp_path, HandClock()) as sign_in:
        with pytest.raises(Unauthorized, match="can't be read"):
            await sign_in.take(bad)


async def test_a_line_break_can_not_smuggle_a_field_in(tmp_path: Path) -> None:
    async with desk(tmp_path, HandClock()) as sign_in:
        good = proof(sign_in)
        for name in ("statement", "domain", "uri", "issuedAt", "requestId"):
            with pytest.raises(SignInRefused, match="can't be read"):
                await sign_in.take(header({**good, name: f"x\nNonce: {good['nonce']}"}))

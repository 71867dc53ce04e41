"""Takes the signature of a wallet for its access token. Sources: CAIP-122, EIP-4361, EIP-191, ERC-1271,
the x402 extension sign-in-with-x."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy import select

from base.clock import Clock, iso_utc
from base.errors import SignInRefused
from settlement.ledger.credentials import NewKey
from settlement.ledger.ids import account_key, wallet_account_id
from settlement.ledger.keys import Keys
from settlement.sign_in.message import PATH, Malformed, SignInMessage
from settlement.sign_in.nonces import Nonces
from settlement.sign_in.tables import SIGN_IN
from settlement.x402.eip712 import plain_signature, signer_of
from settlement.x402.wallets import Wallets
from storage.op import Key, Op, Refused, Rows, Store

_VERSION: Final = "1"
_TYPE: Final = "eip191"
_STATEMENT: Final = "Show that this wallet is yours, for what it bought here. It pays nothing."
_LIVES_MS: Final = 300_000
_AHEAD_MS: Final = 5_000
_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The wallet (EIP-55 as it wrote itself) and the Bearer that opens what is its own. ``key`` is the
    API key that was asked for, known from here alone."""

    network: str
    wallet: str
    access_token: str
    expires_at_ms: int
    key: NewKey | None = None


@dataclass(frozen=True, slots=True)
class SignIn:
    """``url`` is where this server is reached: a proof for any other address is refused. ``wallets``
    are asked for contracts' signatures."""

    store: Store
    keys: Keys
    clock: Clock
    nonces: Nonces
    wallets: Wallets
    url: str
    networks: tuple[str, ...]
    token_ttl_s: int

    def challenge(self) -> Mapping[str, Any]:
        """What is to be signed, as x402 clients know it from ``extensions`` of a challenge."""
        now_ms = self.clock.now_ms()
        info = {
            "domain": urlsplit(self.url).netloc,
            "uri": self.url + PATH,
            "statement": _STATEMENT,
            "version": _VERSION,
            "nonce": self.nonces.new(now_ms + _LIVES_MS),
            "issuedAt": iso_utc(now_ms),
            "expirationTime": iso_utc(now_ms + _LIVES_MS),
        }
        return {"info": info, "supportedChains": self._chains()}

    def _chains(self) -> list[Mapping[str, str]]:
        return [{"chainId": network, "type": _TYPE} for network in self.networks]

    async def take(self, header: str, key_name: str | None = None) -> SignedIn:
        """With a ``key_name`` an API key of the wallet is made in the same commit: one a signature.

        Raises SignInRefused, and ServiceUnavailable when a contract can't be asked."""
        try:
            message = SignInMessage.from_header(header)
        except Malformed as error:
            raise SignInRefused(f"The sign-in can't be read: {error}.") from None
        expires_at_ms = self._fits(message)
        await self._check_signed(message)
        wallet_id = wallet_account_id(message.chain_id, message.address)
        token_op = self.keys.wallet_token_op(wallet_id, self.token_ttl_s)
        steps, key = [_use(message.nonce, wallet_id, expires_at_ms), token_op], None
        if key_name is not None:
            key, making = self.keys.draft(wallet_id, key_name)
            steps.append(making)
        answer = await self.store.commit(*steps)
        if isinstance(answer, Refused):
            raise SignInRefused(_REFUSED[answer.code])
        for credential in answer[1:]:
            self.keys.remember(credential)
        return SignedIn(
            message.chain_id,
            message.address,
            self.keys.wallet_token(wallet_id),
            answer[1].expires_at_ms,
            key,
        )

    async def sweep(self) -> int:
        """Forget nonces that have expired: how many there were."""
        query = select(SIGN_IN.c.nonce).where(SIGN_IN.c.expires_at_ms <= self.clock.now_ms())
        rows = await self.store.read(query.limit(_AT_ONCE))
        if rows:
            await self.store.commit(*(_forget(row["nonce"]) for row in rows))
        return len(rows)

    def _fits(self, message: SignInMessage) -> int:
        """When its nonce ends. Raises SignInRefused for a message of another place or time."""
        here = urlsplit(self.url).netloc
        if message.domain != here or message.uri != self.url + PATH:
            raise SignInRefused(f"The sign-in is for {message.uri}, not for {self.url + PATH}.")
        if message.version != _VERSION:
            raise SignInRefused(f"The version of the sign-in should be {_VERSION}.")
        if message.chain_id not in self.networks:
            raise SignInRefused(f"The sign-in is for {message.chain_id}, no chain of this server.")
        now_ms = self.clock.now_ms()
        expires_at_ms = self.nonces.expires_at_ms(message.nonce)
        if expires_at_ms is None:
            raise SignInRefused("The nonce is not of this server.")
        issued_ms = _time_ms(message.issued_at, "issuedAt")
        ends_ms = [expires_at_ms, issued_ms + _LIVES_MS]
        if message.expiration_time is not None:
            ends_ms.append(_time_ms(message.expiration_time, "expirationTime"))
        if now_ms >= min(ends_ms):
            raise SignInRefused("The sign-in has expired.")
        starts_ms = [issued_ms]
        if message.not_before is not None:
            starts_ms.append(_time_ms(message.not_before, "notBefore"))
        if now_ms + _AHEAD_MS < max(starts_ms):
            raise SignInRefused("The sign-in is not valid yet.")
        return expires_at_ms

    async def _check_signed(self, message: SignInMessage) -> None:
        digest, signature = message.digest(), bytes.fromhex(message.signature[2:])
        plain = plain_signature(signature)
        if plain is not None and signer_of(digest, plain) == message.address.lower():
            return
        if not await self.wallets.signed(message.chain_id, message.address, digest, signature):
            raise SignInRefused("The signature is not of that wallet over that message.")


_REFUSED: Final = {
    "used": "This sign-in was used before.",
    "unknown": "This wallet has paid for nothing here: there is nothing to open.",
}


def _use(nonce: str, wallet_id: str, expires_at_ms: int) -> Op:
    """Take a nonce for a wallet that has an account: None, or Refused ``used``, ``unknown``."""
    nonce_at, account_at = _nonce_key(nonce), account_key(wallet_id)

    def fold(rows: Rows) -> Refused | None:
        if rows.get(nonce_at) is not None:
            return Refused("used")
        if rows.get(account_at) is None:
            return Refused("unknown")
        rows.put(nonce_at, {"nonce": nonce, "expires_at_ms": expires_at_ms})
        return None

    return Op((nonce_at, account_at), fold)


def _forget(nonce: str) -> Op:
    key = _nonce_key(nonce)

    def fold(rows: Rows) -> None:
        if rows.get(key) is not None:
            rows.delete(key)

    return Op((key,), fold)


def _nonce_key(nonce: str) -> Key:
    return Key("sign_in", (nonce,))


def _time_ms(text: str, name: str) -> int:
    """Raises SignInRefused for what is no RFC 3339 time."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise SignInRefused(f"{name} should be an RFC 3339 time.") from None
    zoned = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    return int(zoned.timestamp() * 1000)

"""API keys and wallet tokens: made, shown once, checked in memory, revoked.

The books hold HMAC-SHA256(pepper, key) and a public prefix, so that neither a stolen database nor a log
gives a key away. A wallet's token, which a sign-in gives, is derived from the pepper, so that it can be
given again, and one row a wallet suffices; revoking it moves on to the next serial. The tokens of what
its payments bought (settlement.ledger.object_tokens) hang on that serial.
"""

import hmac
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy import or_, select

from base.caller import Caller, CallerKind, Opened
from base.clock import Clock
from base.errors import InvalidRequest, NotFound, Unauthorized
from settlement.ledger.credentials import (
    TOKEN_PREFIX,
    Credential,
    KeyInfo,
    KeyLimits,
    NewKey,
    credential_from,
    info_from,
    key_row,
    new_secret,
    prefix_of,
)
from settlement.ledger.ids import account_key, api_key_key
from settlement.ledger.months import month_of
from settlement.ledger.object_tokens import OBJECT_PREFIX, ObjectToken, object_token
from settlement.ledger.tables import API_KEY
from storage.op import Op, Refused, Rows, Store

_NO_LIMITS: Final = KeyLimits()
_NOBODY: Final = bytes(32)
_IDS: Final = uuid.UUID("6f0a1d0e-94a1-5b1c-8f3e-2f2c7a1b9d54")


class Keys:
    """The keys of a store. ``load`` once at start; create, revoke and ``remember`` keep it current."""

    def __init__(self, store: Store, clock: Clock, pepper: bytes) -> None:
        self._store = store
        self._clock = clock
        self._pepper = pepper
        self._by_digest: dict[bytes, Credential] = {}
        self._serials: dict[str, int] = {}

    async def load(self) -> None:
        """Read the keys that may authenticate."""
        alive = or_(API_KEY.c.expires_at_ms.is_(None), API_KEY.c.expires_at_ms > self._clock.now_ms())
        query = select(API_KEY).where(API_KEY.c.revoked_at_ms.is_(None), alive)
        for row in await self._store.read(query):
            self.remember(credential_from(row))
        rotated = select(API_KEY.c.account_id, API_KEY.c.serial).where(
            API_KEY.c.kind == "wallet", API_KEY.c.serial > 0
        )
        for row in await self._store.read(rotated):
            self._serials[row["account_id"]] = row["serial"]

    def authenticate(self, token: str) -> Caller:
        """Who shows this key or token. Raises Unauthorized, alike for unknown, revoked and expired."""
        if token.startswith(OBJECT_PREFIX):
            return self._holder(token)
        digest = self._digest(token)
        known = self._by_digest.get(digest)
        same = hmac.compare_digest(known.digest if known else _NOBODY, digest)
        if known is None or not same:
            raise Unauthorized
        if known.expires_at_ms is not None and self._clock.now_ms() >= known.expires_at_ms:
            raise Unauthorized
        return known.caller

    def knows(self, secret: str) -> bool:
        """Whether this key or token authenticates, or did until it expired."""
        return self._digest(secret) in self._by_digest

    def draft(
        self, account_id: str, name: str, limits: KeyLimits = _NO_LIMITS, key: str | None = None
    ) -> tuple[NewKey, Op]:
        """A new key and the operation that makes it, for commits that hold more.

        ``key`` fixes the key itself; else it is random, of 256 bits. The operation's value is a
        Credential to ``remember`` after the commit, or Refused: ``no_account``, ``duplicate``.
        """
        secret = key if key is not None else new_secret()
        digest = self._digest(secret)
        now_ms = self._clock.now_ms()
        info = KeyInfo(
            # From the digest, so that the same key can't be made twice.
            id=str(uuid.uuid5(_IDS, digest.hex())),
            account_id=account_id,
            kind="key",
            prefix=prefix_of(secret),
            name=name,
            limits=limits,
            month=month_of(now_ms),
            spent_nano_usd=0,
            held_nano_usd=0,
            created_at_ms=now_ms,
            revoked_at_ms=None,
        )
        account_at, key_at = account_key(account_id), api_key_key(info.id)

        def fold(rows: Rows) -> Credential | Refused:
            if rows.get(account_at) is None:
                return Refused("no_account")
            if rows.get(key_at) is not None:
                return Refused("duplicate")
            row = key_row(info, digest, 0)
            rows.put(key_at, row)
            return credential_from(row)

        return NewKey(info.id, secret, info), Op((account_at, key_at), fold)

    async def create(
        self, account_id: str, name: str, limits: KeyLimits = _NO_LIMITS, key: str | None = None
    ) -> NewKey:
        """Make a key; its secret is known from the answer alone.

        Raises NotFound without the account, InvalidRequest when the given key was made before.
        """
        new, op = self.draft(account_id, name, limits, key)
        answer = await self._store.commit(op)
        if not isinstance(answer, Refused):
            self.remember(answer[0])
            return new
        if answer.code == "no_account":
            raise NotFound(f"There is no account {account_id}.", param="account")
        raise InvalidRequest(
            "This key was made before, and may be revoked.", param="key", resolution="Use another key."
        )

    def bought(self, secret: str, account_id: str, name: str) -> Op:
        """The operation that makes a key in the commit of what pays for it.

        It authenticates at once: who knows the key learns it after the commit alone, and no hold finds
        the key of a commit that failed.
        """
        new, op = self.draft(account_id, name, key=secret)
        self.remember(credential_from(key_row(new.info, self._digest(secret), 0)))
        return op

    async def list(self, account_id: str | None = None) -> Sequence[KeyInfo]:
        """The keys and tokens of an account, or of all, oldest first, without their secrets."""
        query = select(API_KEY).order_by(API_KEY.c.created_at_ms, API_KEY.c.id)
        if account_id is not None:
            query = query.where(API_KEY.c.account_id == account_id)
        return [info_from(row) for row in await self._store.read(query)]

    async def info(self, key_id: str) -> KeyInfo | None:
        """A key or token by its id, as durably committed."""
        rows = await self._store.read(select(API_KEY).where(API_KEY.c.id == key_id))
        return info_from(rows[0]) if rows else None

    async def revoke(self, key_id: str, account_id: str | None = None) -> KeyInfo:
        """End a key or token at once and for ever; a second time is harmless.

        With ``account_id``, only a key of that account. Raises NotFound.
        """
        key_at = api_key_key(key_id)
        now_ms = self._clock.now_ms()

        def fold(rows: Rows) -> tuple[KeyInfo, Credential] | Refused:
            row = rows.get(key_at)
            if row is None or account_id not in (None, row["account_id"]):
                return Refused("no_key")
            if row["revoked_at_ms"] is None:
                row["revoked_at_ms"] = now_ms
                row["serial"] += 1
                rows.put(key_at, row)
            return info_from(row), credential_from(row)

        answer = await self._store.commit(Op((key_at,), fold))
        if isinstance(answer, Refused):
            raise NotFound(f"There is no key {key_id}.", param="key")
        info: KeyInfo
        ended: Credential
        info, ended = answer[0]
        self._by_digest.pop(ended.digest, None)
        self._follow(ended)
        return info

    def object_token(self, account_id: str, run_id: str, expires_at_ms: int) -> str:
        """The Bearer that opens what a run made for a wallet, and nothing else of it."""
        opened = Opened(account_id, run_id)
        return object_token(self._pepper, self._serials.get(account_id, 0), opened, expires_at_ms)

    def wallet_token(self, account_id: str) -> str:
        """The Bearer of a wallet that signed in: it opens all that is the wallet's, and spends its
        credit. It works once ``wallet_token_op`` was committed."""
        return self._derived(account_id, self._serials.get(account_id, 0))

    def wallet_token_op(self, account_id: str, ttl_s: int) -> Op:
        """Make a wallet's token, or extend its life; the value is a Credential to ``remember``."""
        now_ms = self._clock.now_ms()
        expires_at_ms = now_ms + ttl_s * 1000
        key_at = api_key_key(f"token:{account_id}")
        info = KeyInfo(
            id=f"token:{account_id}",
            account_id=account_id,
            kind="wallet",
            prefix="",
            name="",
            limits=replace(_NO_LIMITS, expires_at_ms=expires_at_ms),
            month=month_of(now_ms),
            spent_nano_usd=0,
            held_nano_usd=0,
            created_at_ms=now_ms,
            revoked_at_ms=None,
        )

        def fold(rows: Rows) -> Credential:
            row = rows.get(key_at) or key_row(info, b"", 0)
            token = self._derived(account_id, row["serial"])
            row["digest"] = self._digest(token)
            row["prefix"] = prefix_of(token)
            row["expires_at_ms"] = max(row["expires_at_ms"], expires_at_ms)
            row["revoked_at_ms"] = None
            rows.put(key_at, row)
            return credential_from(row)

        return Op((key_at,), fold)

    def remember(self, credential: Credential) -> None:
        """Let a key or token authenticate, after its commit."""
        self._by_digest[credential.digest] = credential
        self._follow(credential)

    def _holder(self, token: str) -> Caller:
        """Whoever shows a payment's token: nobody, but for what that payment bought."""
        shown = ObjectToken.read(token)
        if shown is None or not shown.is_good(
            self._pepper, self._serials.get(shown.opened.account_id, 0)
        ):
            raise Unauthorized
        if self._clock.now_ms() >= shown.expires_at_ms:
            raise Unauthorized
        return Caller(CallerKind.ANONYMOUS, opens=shown.opened)

    def _follow(self, credential: Credential) -> None:
        if credential.caller.kind is CallerKind.WALLET and credential.caller.account_id:
            self._serials[credential.caller.account_id] = credential.serial

    def _derived(self, account_id: str, serial: int) -> str:
        told = f"wallet-token|{account_id}|{serial}".encode()
        random = hmac.digest(self._pepper, told, "sha256")
        return TOKEN_PREFIX + urlsafe_b64encode(random).rstrip(b"=").decode()

    def _digest(self, secret: str) -> bytes:
        return hmac.digest(self._pepper, secret.encode("utf-8", "surrogatepass"), "sha256")

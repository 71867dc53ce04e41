"""Signatures of webhooks by Standard Webhooks (standardwebhooks.com, specification 1.0.0)."""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select

from base.clock import Clock
from base.sealing import Sealer
from storage.op import Key, Op, Row, Rows, Store
from tools.jobs.tables import WEBHOOK_KEY

_PREFIX: Final = "whsec_"
_OVERLAP_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class WebhookSecrets:
    """Each account's signing secret: derived from the server's, named by a serial."""

    store: Store
    sealer: Sealer
    clock: Clock

    async def current(self, account_id: str) -> str:
        """``whsec_`` and the Base64 of 32 bytes."""
        row = await self._row(account_id)
        return _shown(self._secret(account_id, row["serial"]))

    async def rotate(self, account_id: str) -> str:
        """A new secret; for a day messages are signed with the one before too."""
        serial = (await self.store.commit(_rotated(account_id, self.clock.now_ms())))[0]
        return _shown(self._secret(account_id, serial))

    async def signature(self, account_id: str, message_id: str, at_s: int, body: bytes) -> str:
        """The header ``webhook-signature``: one signature a valid secret."""
        row = await self._row(account_id)
        serials = [row["serial"]]
        if row["serial"] > 1 and self.clock.now_ms() < row["rotated_at_ms"] + _OVERLAP_MS:
            serials.append(row["serial"] - 1)
        signed = f"{message_id}.{at_s}.".encode() + body
        return " ".join(sign(self._secret(account_id, serial), signed) for serial in serials)

    async def _row(self, account_id: str) -> Row:
        query = select(WEBHOOK_KEY).where(WEBHOOK_KEY.c.account_id == account_id)
        rows = await self.store.read(query)
        return rows[0] if rows else {"serial": 1, "rotated_at_ms": 0}

    def _secret(self, account_id: str, serial: int) -> bytes:
        return self.sealer.derived(f"webhook|{account_id}|{serial}".encode())


def sign(secret: bytes, signed: bytes) -> str:
    """``v1,`` and the Base64 of HMAC-SHA256 over ``id.timestamp.body``."""
    return "v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()


def _shown(secret: bytes) -> str:
    return _PREFIX + base64.b64encode(secret).decode()


def _rotated(account_id: str, at_ms: int) -> Op:
    key = Key("webhook_key", (account_id,))

    def fold(rows: Rows) -> int:
        row = rows.get(key)
        serial = (row["serial"] if row else 1) + 1
        rows.put(key, {"account_id": account_id, "serial": serial, "rotated_at_ms": at_ms})
        return serial

    return Op((key,), fold)

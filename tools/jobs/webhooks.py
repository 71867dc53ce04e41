"""Brings the news of batches to their webhooks: at least once, for a day, and logs what came of it."""

import asyncio
import logging
import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import select

from base.clock import Clock
from base.outbound.client import Answer, Outbound
from base.outbound.guard import OutboundFailed
from storage.errors import StorageUnavailable
from storage.op import Key, Op, Row, Rows, Store
from tools.jobs.signing import WebhookSecrets
from tools.jobs.tables import DELIVERY

# after each attempt but the last: in a day in all, as the specification of Standard Webhooks advises
PAUSES_S: Final = (5, 60, 300, 1800, 7200, 18_000, 28_800, 30_000)
_GONE: Final = 410
_AT_ONCE: Final = 32
_LOOK_S: Final = 1.0
_KEPT_MS: Final = 30 * 86_400_000
_LOGGED: Final = 100
_logger: Final = logging.getLogger("batchin.jobs")


@dataclass(frozen=True, slots=True)
class Webhooks:
    """Run ``run()`` beside the server."""

    store: Store
    outbound: Outbound
    secrets: WebhookSecrets
    clock: Clock

    async def run(self) -> None:
        """Deliver what is due, for ever."""
        while True:
            with suppress(StorageUnavailable):
                while due := await self._due():
                    await asyncio.gather(*(self._deliver(row) for row in due))
                await self._forget()
            await asyncio.sleep(_LOOK_S)

    async def log(self, account_id: str) -> list[dict[str, Any]]:
        """The newest hundred deliveries of an account."""
        query = select(DELIVERY).where(DELIVERY.c.account_id == account_id)
        rows = await self.store.read(query.order_by(DELIVERY.c.id.desc()).limit(_LOGGED))
        return [_shown(row) for row in rows]

    async def _due(self) -> Sequence[Row]:
        now_ms = self.clock.now_ms()
        query = select(DELIVERY).where(DELIVERY.c.state == "due", DELIVERY.c.next_at_ms <= now_ms)
        return await self.store.read(query.order_by(DELIVERY.c.next_at_ms).limit(_AT_ONCE))

    async def _deliver(self, row: Row) -> None:
        body = orjson.dumps(event_of(row))
        at_s = self.clock.now_ms() // 1000
        headers = {
            "content-type": "application/json",
            "webhook-id": row["id"],
            "webhook-timestamp": str(at_s),
            "webhook-signature": await self.secrets.signature(row["account_id"], row["id"], at_s, body),
        }
        status: int | None = None
        problem = ""
        try:
            answer = await self.outbound.post(row["url"], body, headers)
            status = answer.status
            problem = _problem(answer)
        except OutboundFailed as error:
            problem = error.reason
        await self.store.commit(_attempted(row, status, problem, self.clock.now_ms()))
        if problem:
            _logger.info(
                "webhook not delivered", extra={"event": row["id"], "status": status, "why": problem}
            )

    async def _forget(self) -> None:
        """The log reaches back a month."""
        before_ms = self.clock.now_ms() - _KEPT_MS
        query = select(DELIVERY.c.id).where(DELIVERY.c.ended_at_ms <= before_ms).limit(_LOGGED)
        for row in await self.store.read(query):
            await self.store.commit(_forgotten(row["id"]))


def event_of(row: Row) -> dict[str, Any]:
    """OpenAI's event: what happened, and to which batch."""
    return {
        "id": row["id"],
        "object": "event",
        "type": row["type"],
        "created_at": row["created_at_ms"] // 1000,
        "data": {"id": row["batch_id"]},
    }


def _problem(answer: Answer) -> str:
    return "" if answer.accepted else f"the receiver answered with status {answer.status}"


def _attempted(row: Row, status: int | None, problem: str, at_ms: int) -> Op:
    key = Key("webhook_delivery", (row["id"],))

    def fold(rows: Rows) -> None:
        now = rows.get(key)
        if now is None or now["state"] != "due":
            return
        attempts = now["attempts"] + 1
        now |= {"attempts": attempts, "last_status": status, "last_problem": problem}
        if not problem:
            now |= {"state": "delivered", "ended_at_ms": at_ms}
        elif status == _GONE or attempts > len(PAUSES_S):
            now |= {"state": "dead", "ended_at_ms": at_ms}
        else:
            spread = random.Random(f"{now['id']}{attempts}").uniform(1.0, 1.1)
            now["next_at_ms"] = at_ms + int(PAUSES_S[attempts - 1] * spread * 1000)
        rows.put(key, now)

    return Op((key,), fold)


def _forgotten(event_id: str) -> Op:
    key = Key("webhook_delivery", (event_id,))
    return Op((key,), lambda rows: rows.delete(key))


def _shown(row: Row) -> dict[str, Any]:
    waits = row["state"] == "due"
    return {
        "id": row["id"],
        "object": "webhook.delivery",
        "batch_id": row["batch_id"],
        "type": row["type"],
        "url": row["url"],
        "state": row["state"],
        "attempts": row["attempts"],
        "last_status": row["last_status"],
        "last_problem": row["last_problem"] or None,
        "created_at": row["created_at_ms"] // 1000,
        "next_attempt_at": row["next_at_ms"] // 1000 if waits else None,
        "ended_at": None if row["ended_at_ms"] is None else row["ended_at_ms"] // 1000,
    }

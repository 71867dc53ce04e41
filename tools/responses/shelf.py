"""The responses that callers had us keep: sealed, each of one account, until they expire."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import literal, select

from base.clock import Clock
from base.sealing import Sealed, Sealer, Unsealable
from storage.op import Key, Op, Refused, Row, Rows, Store
from tools.responses.tables import RESPONSE

MOST_TURNS: Final = 256
"""Responses of one conversation that are read back."""
_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class Kept:
    """A stored response: the items that it was given, and the response object."""

    id: str
    previous_id: str
    input: Sequence[Mapping[str, Any]]
    response: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ResponseShelf:
    """A response is found by its account alone, until ``ttl_s`` after its creation."""

    store: Store
    sealer: Sealer
    clock: Clock
    ttl_s: int

    def keep(
        self, account_id: str, items: Sequence[Mapping[str, Any]], response: Mapping[str, Any]
    ) -> Op:
        """The operation that keeps a new response."""
        sealed = self.sealer.seal(orjson.dumps({"input": items, "response": response}))
        now_ms = self.clock.now_ms()
        row: Row = {
            "id": response["id"],
            "account_id": account_id,
            "previous_id": response["previous_response_id"] or "",
            "salt": sealed.salt,
            "box": sealed.box,
            "created_at_ms": now_ms,
            "expires_at_ms": now_ms + self.ttl_s * 1000,
        }
        key = _key(row["id"])
        return Op((), lambda rows: rows.put(key, dict(row)), fresh=(key,))

    def replace(
        self, account_id: str, items: Sequence[Mapping[str, Any]], response: Mapping[str, Any]
    ) -> Op:
        """The operation that keeps what a response became; nothing where it was deleted meanwhile."""
        sealed = self.sealer.seal(orjson.dumps({"input": items, "response": response}))
        key = _key(response["id"])

        def fold(rows: Rows) -> None:
            row = rows.get(key)
            if row is not None and row["account_id"] == account_id:
                rows.put(key, row | {"salt": sealed.salt, "box": sealed.box})

        return Op((key,), fold)

    async def find(self, response_id: str, account_id: str) -> Kept | None:
        """The account's response; None when there is none, when it is another's and when it expired."""
        query = select(RESPONSE).where(*self._of(account_id), RESPONSE.c.id == response_id)
        rows = await self.store.read(query)
        return self._opened(rows[0]) if rows else None

    async def conversation(self, response_id: str, account_id: str) -> Sequence[Kept] | None:
        """A response and those before it, oldest first; None when one of them is not there any more, or
        there are more than MOST_TURNS."""
        turn = select(RESPONSE, literal(1).label("turn")).where(
            *self._of(account_id), RESPONSE.c.id == response_id
        )
        turns = turn.cte("turns", recursive=True)
        before = select(RESPONSE, turns.c.turn + 1).where(
            *self._of(account_id), RESPONSE.c.id == turns.c.previous_id, turns.c.turn <= MOST_TURNS
        )
        turns = turns.union_all(before)
        rows = await self.store.read(select(turns).order_by(turns.c.turn.desc()))
        if not rows or rows[0]["previous_id"] or len(rows) > MOST_TURNS:
            return None
        kept = [self._opened(row) for row in rows]
        return None if None in kept else [turn for turn in kept if turn is not None]

    async def delete(self, response_id: str, account_id: str) -> bool:
        """Forget a response of the account: whether there was one."""
        key = _key(response_id)

        def fold(rows: Rows) -> Refused | None:
            row = rows.get(key)
            if row is None or row["account_id"] != account_id:
                return Refused("no_response")
            rows.delete(key)
            return None

        return not isinstance(await self.store.commit(Op((key,), fold)), Refused)

    async def sweep(self) -> int:
        """Delete what has expired, a part at a time: how many there were."""
        due = RESPONSE.c.expires_at_ms <= self.clock.now_ms()
        rows = await self.store.read(select(RESPONSE.c.id).where(due).limit(_AT_ONCE))
        if rows:
            await self.store.commit(*(_forget(row["id"]) for row in rows))
        return len(rows)

    def _of(self, account_id: str) -> tuple[Any, ...]:
        return (
            RESPONSE.c.account_id == account_id,
            RESPONSE.c.expires_at_ms > self.clock.now_ms(),
        )

    def _opened(self, row: Row) -> Kept | None:
        """None where the server's secret changed meanwhile: what it sealed is gone."""
        try:
            content = orjson.loads(self.sealer.open(Sealed(row["salt"], row["box"])))
        except Unsealable:
            return None
        return Kept(row["id"], row["previous_id"], content["input"], content["response"])


def _forget(response_id: str) -> Op:
    key = _key(response_id)
    return Op((key,), lambda rows: rows.delete(key))


def _key(response_id: str) -> Key:
    return Key("response", (response_id,))

"""Samples of calls, kept for keys that opted in: sealed, few, and for a limited time."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Final

import orjson
from sqlalchemy import select

from base.clock import Clock
from base.sealing import Sealed, Sealer, Unsealable
from storage.op import Key, Op, Row, Rows, Store
from tools.prompts.tables import PROMPT_SAMPLE

MOST_KEPT: Final = 64
_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class Sample:
    """What one call was asked: the prompt's variables, its own messages and how to sample. The answer
    is not kept: both versions of a regression are asked anew."""

    KEPT: ClassVar[Mapping[str, frozenset[str]]] = {
        "chat": frozenset({"model", "max_tokens", "max_completion_tokens", "stop", "response_format"}),
        "respond": frozenset({"model", "max_output_tokens", "text", "instructions"}),
    }
    """What is kept of a call's arguments, by tool; of other tools no call is sampled."""

    version: str
    variables: dict[str, str]
    messages: list[Any]
    asked: dict[str, Any]
    run_id: str
    tool: str = "chat"


@dataclass(frozen=True, slots=True)
class Samples:
    """The newest ``MOST_KEPT`` of a prompt, each until ``ttl_s`` after its call. Those of an earlier
    process go when their time is over."""

    store: Store
    sealer: Sealer
    clock: Clock
    ttl_s: int
    _kept: dict[tuple[str, str], deque[Key]] = field(default_factory=dict)

    def keep(self, account_id: str, name: str, sample: Sample) -> Op:
        """The operation that keeps a sample, and drops the oldest where there are enough. Of a prompt
        that was deleted meanwhile nothing is kept."""
        sealed = self.sealer.seal(orjson.dumps(asdict(sample)))
        slot = int(sample.run_id[-15:], 16)
        key = Key("prompt_sample", (account_id, name, slot))
        row: Row = {
            "account_id": account_id,
            "name": name,
            "slot": slot,
            "run_id": sample.run_id,
            "version": sample.version,
            "salt": sealed.salt,
            "box": sealed.box,
            "expires_at_ms": self.clock.now_ms() + self.ttl_s * 1000,
        }
        kept = self._kept.setdefault((account_id, name), deque())
        kept.append(key)
        oldest = kept.popleft() if len(kept) > MOST_KEPT else None
        of_prompt = Key("prompt", (account_id, name))

        def fold(rows: Rows) -> None:
            if rows.get(of_prompt) is not None:
                rows.put(key, dict(row))
            if oldest is not None:
                rows.delete(oldest)

        return Op((of_prompt, key) if oldest is None else (of_prompt, key, oldest), fold)

    async def newest(self, account_id: str, name: str, limit: int) -> Sequence[Sample]:
        """The newest first."""
        query = select(PROMPT_SAMPLE).where(
            PROMPT_SAMPLE.c.account_id == account_id,
            PROMPT_SAMPLE.c.name == name,
            PROMPT_SAMPLE.c.expires_at_ms > self.clock.now_ms(),
        )
        rows = await self.store.read(query.order_by(PROMPT_SAMPLE.c.run_id.desc()).limit(limit))
        opened = map(self._opened, rows)
        return [sample for sample in opened if sample is not None]

    async def erase(self, account_id: str, name: str) -> int:
        """Delete all of a prompt: how many there were."""
        self._kept.pop((account_id, name), None)
        query = select(PROMPT_SAMPLE.c.slot).where(
            PROMPT_SAMPLE.c.account_id == account_id, PROMPT_SAMPLE.c.name == name
        )
        erased = 0
        while rows := await self.store.read(query.limit(_AT_ONCE)):
            keys = [Key("prompt_sample", (account_id, name, row["slot"])) for row in rows]
            await self.store.commit(erasure(keys))
            erased += len(rows)
        return erased

    async def sweep(self) -> int:
        """Delete what has expired, a part at a time: how many there were."""
        pk = (PROMPT_SAMPLE.c.account_id, PROMPT_SAMPLE.c.name, PROMPT_SAMPLE.c.slot)
        due = PROMPT_SAMPLE.c.expires_at_ms <= self.clock.now_ms()
        rows = await self.store.read(select(*pk).where(due).limit(_AT_ONCE))
        if rows:
            await self.store.commit(*(self._forget(tuple(row.values())) for row in rows))
        return len(rows)

    def _forget(self, pk: tuple[Any, ...]) -> Op:
        key, now_ms = Key("prompt_sample", pk), self.clock.now_ms()

        def fold(rows: Rows) -> None:
            row = rows.get(key)
            if row is not None and row["expires_at_ms"] <= now_ms:
                rows.delete(key)

        return Op((key,), fold)

    def _opened(self, row: Row) -> Sample | None:
        try:
            return Sample(**orjson.loads(self.sealer.open(Sealed(row["salt"], row["box"]))))
        except Unsealable:
            return None


def erasure(keys: Sequence[Key]) -> Op:
    """The operation that deletes rows."""

    def fold(rows: Rows) -> None:
        for key in keys:
            rows.delete(key)

    return Op(tuple(keys), fold)

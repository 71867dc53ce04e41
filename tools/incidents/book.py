"""The book of incidents: what was ill at each look, written when it changed."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from sqlalchemy import select

from base.clock import Clock
from storage.op import Key, Op, Row, Rows, Store
from tools.incidents.tables import INCIDENT

KEPT_MS: Final = 90 * 86_400_000
_RETURNS_MS: Final = 60_000
"""What falls ill again this soon was not well: its last incident goes on."""
_SHOWN: Final = 100
_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class Incident:
    """A time in which a part did not serve. ``state`` says how, as when it began; ``ended_at_ms`` is
    None while it lasts."""

    id: str
    component: str
    state: str
    began_at_ms: int
    ended_at_ms: int | None = None


@dataclass(slots=True)
class IncidentBook:
    """Call ``load`` once, then ``see`` after each look. What could not be written is written with the
    next look: the store itself may be what is ill."""

    store: Store
    clock: Clock
    _last: dict[str, Incident] = field(default_factory=dict)
    _unwritten: dict[str, Incident] = field(default_factory=dict)

    async def load(self) -> None:
        """Go on where the last process left off: what it saw begin may end now.

        Raises StorageUnavailable."""
        for incident in reversed(await self.recent()):
            self._last[incident.component] = incident

    async def see(self, ill: Mapping[str, str]) -> None:
        """``ill`` gives the state of each part that does not serve now. Raises StorageUnavailable."""
        now_ms = self.clock.now_ms()
        for component, state in ill.items():
            self._fell_ill(component, state, now_ms)
        for component, incident in self._last.items():
            if incident.ended_at_ms is None and component not in ill:
                self._note(replace(incident, ended_at_ms=now_ms))
        if self._unwritten:
            writing = dict(self._unwritten)
            await self.store.commit(*(_put(incident) for incident in writing.values()))
            for incident_id, incident in writing.items():
                if self._unwritten.get(incident_id) == incident:
                    del self._unwritten[incident_id]

    async def recent(self) -> Sequence[Incident]:
        """The newest first, none that is older than 90 days. Raises StorageUnavailable."""
        since = INCIDENT.c.began_at_ms > self.clock.now_ms() - KEPT_MS
        newest = INCIDENT.c.began_at_ms.desc()
        rows = await self.store.read(select(INCIDENT).where(since).order_by(newest).limit(_SHOWN))
        return [Incident(**row) for row in rows]

    async def sweep(self) -> int:
        """Delete what is older than 90 days; how many were deleted."""
        old = INCIDENT.c.began_at_ms < self.clock.now_ms() - KEPT_MS
        over = INCIDENT.c.ended_at_ms.is_not(None)
        rows = await self.store.read(select(INCIDENT.c.id).where(old, over).limit(_AT_ONCE))
        if rows:
            await self.store.commit(*(_delete(row["id"]) for row in rows))
        return len(rows)

    def _fell_ill(self, component: str, state: str, now_ms: int) -> None:
        last = self._last.get(component)
        if last is None or (last.ended_at_ms is not None and now_ms - last.ended_at_ms > _RETURNS_MS):
            self._note(Incident(f"inc_{secrets.token_hex(12)}", component, state, now_ms))
        elif last.ended_at_ms is not None:
            self._note(replace(last, ended_at_ms=None))

    def _note(self, incident: Incident) -> None:
        self._last[incident.component] = incident
        self._unwritten[incident.id] = incident


def _put(incident: Incident) -> Op:
    key = Key("incident", (incident.id,))
    row: Row = {name: getattr(incident, name) for name in INCIDENT.columns.keys()}  # noqa: SIM118 - of SQLAlchemy
    return Op((key,), lambda rows: rows.put(key, dict(row)))


def _delete(incident_id: str) -> Op:
    key = Key("incident", (incident_id,))

    def fold(rows: Rows) -> None:
        rows.delete(key)

    return Op((key,), fold)

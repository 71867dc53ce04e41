"""Meters reserved lanes: time counts while the cards stand ready, as their engines report it."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from base.clock import Clock
from base.errors import BatchinError
from settlement.reservations.book import Reservations
from settlement.reservations.reservation import Reservation, State

LOOK_S: Final = 2.0
_log: Final = logging.getLogger("batchin.reservations")


@dataclass(frozen=True, slots=True)
class _Seen:
    """How many cards stood ready at a look, by the monotonic clock."""

    at_s: float
    cards: int


@dataclass(slots=True)
class Meter:
    """``cards`` tells how many cards of a lane are up: None where its engines don't tell, then all that
    are reserved count. Between two looks the fewer of both count, so that what fell out is not paid."""

    book: Reservations
    clock: Clock
    cards: Callable[[str], int | None]
    _seen: dict[str, _Seen] = field(default_factory=dict)

    async def run(self, pause_s: float = LOOK_S) -> None:
        """Look again and again, until cancelled. Trouble is logged and tried again."""
        while True:
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001 - the next look may go well
                _log.error("reserved lanes could not be metered: %s", type(error).__name__)
            await asyncio.sleep(pause_s)

    async def look(self) -> None:
        """Count the time since the last look, charge hours that are over, end what has ended. One that
        can't go on stops no other."""
        before, self._seen = self._seen, {}
        for reservation in await self.book.active():
            now = self._seen[reservation.id] = self._look_at(reservation)
            last = before.get(reservation.id)
            try:
                await self._go_on(reservation, last, now)
            except BatchinError as error:
                told = {"reservation": reservation.id}
                _log.error("a reservation could not be metered: %s", error.message, extra=told)

    def _look_at(self, reservation: Reservation) -> _Seen:
        told = self.cards(reservation.lane)
        up = reservation.cards if told is None else min(told, reservation.cards)
        return _Seen(self.clock.monotonic_s(), up)

    async def _go_on(self, reservation: Reservation, last: _Seen | None, now: _Seen) -> None:
        at_ms = self.clock.now_ms()
        until_ms = reservation.until_ms
        over_ms = 0 if until_ms is None else max(0, at_ms - until_ms)
        spent_ms = 0 if last is None else max(0, int((now.at_s - last.at_s) * 1000) - over_ms)
        card_ms = 0 if last is None else spent_ms * min(last.cards, now.cards)
        if until_ms is not None and at_ms >= until_ms:
            await self.book.end(reservation, card_ms)
        elif at_ms >= reservation.period_ends_at_ms:
            became = await self.book.turn(reservation, card_ms)
            if became is State.UNPAID:
                _log.error("a reservation ended unpaid", extra={"reservation": reservation.id})
        elif card_ms:
            await self.book.count(reservation, card_ms)

"""The book of reservations: opened, metered, charged by the hour, ended.

Each hour is held ahead, so that no card works for nothing, and charged for the time that was metered
when it is over. A step and its money are one commit, which only goes on from the row that it was
computed from: nothing is charged twice, and a crash between two steps costs the customer nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Select, select

from base.clock import Clock
from base.errors import InsufficientFunds, InternalError, InvalidRequest, NotFound
from base.ids import new_id
from base.money import NANO_MAX
from settlement.ledger import ops
from settlement.ledger.ids import JOBS
from settlement.reservations.reservation import HOUR_MS, Reservation, State, reservation_of, row_of
from settlement.reservations.tables import RESERVATION
from storage.op import Key, Op, Refused, Rows, Store

MOST_LISTED: Final = 1000


@dataclass(frozen=True, slots=True)
class Reservations:
    """The reservations of all accounts."""

    store: Store
    clock: Clock

    async def open(
        self, account_id: str, lane: str, cards: int, nano_per_card_hour: int, hours: int | None
    ) -> Reservation:
        """Reserve from now on, and hold the first hour. ``hours`` is for how long, None for open.

        Raises InvalidRequest for a lane that is reserved, InsufficientFunds, NotFound for the account.
        """
        now_ms = self.clock.now_ms()
        opened = Reservation(
            id=new_id("rsv"),
            account_id=account_id,
            lane=lane,
            cards=cards,
            nano_per_card_hour=nano_per_card_hour,
            state=State.ACTIVE,
            period=1,
            period_ends_at_ms=now_ms + HOUR_MS,
            card_ms=0,
            charged_nano_usd=0,
            began_at_ms=now_ms,
            until_ms=None if hours is None else now_ms + hours * HOUR_MS,
        )
        if opened.hour_nano_usd > NANO_MAX:
            raise InvalidRequest("An hour costs more than the books can hold.", param="cards")
        answer = await self.store.commit(_take_lane(opened), _hold(opened, now_ms))
        if not isinstance(answer, Refused):
            return opened
        if answer.code == "reserved":
            raise InvalidRequest(
                f"{lane} is reserved already.",
                param="lane",
                resolution="Release it first: batchin lanes release.",
            )
        if answer.code == "no_account":
            raise NotFound(f"There is no account {account_id}.", param="account")
        raise InsufficientFunds("The balance does not pay the first hour ahead.")

    async def of_account(self, account_id: str) -> Sequence[Reservation]:
        """An account's, the newest first."""
        return await self._read(select(RESERVATION).where(RESERVATION.c.account_id == account_id))

    async def all(self) -> Sequence[Reservation]:
        """Everybody's, the newest first."""
        return await self._read(select(RESERVATION))

    async def active(self) -> Sequence[Reservation]:
        """Those that run."""
        return await self._read(select(RESERVATION).where(RESERVATION.c.state == State.ACTIVE.value))

    async def count(self, seen: Reservation, card_ms: int) -> None:
        """Add metered time to the hour that runs."""
        await self.store.commit(_changed(seen, replace(seen, card_ms=seen.card_ms + card_ms)))

    async def turn(self, seen: Reservation, card_ms: int) -> State:
        """Charge the hour that is over and hold the next; without money for that it ends, unpaid.

        Raises InternalError when the books do not fit.
        """
        now_ms = self.clock.now_ms()
        charged = _charged(seen, card_ms)
        turned = replace(charged, period=seen.period + 1, period_ends_at_ms=now_ms + HOUR_MS)
        answer = await self.store.commit(
            _changed(seen, turned), _capture(seen, charged, now_ms), _hold(turned, now_ms)
        )
        if isinstance(answer, Refused) and answer.code == "insufficient":
            await self.end(seen, card_ms, State.UNPAID)
            return State.UNPAID
        _check(answer)
        return State.ACTIVE

    async def end(self, seen: Reservation, card_ms: int, state: State = State.ENDED) -> None:
        """Charge what was metered, give the rest of the hold back, and free the lane.

        Raises InternalError when the books do not fit.
        """
        now_ms = self.clock.now_ms()
        charged = _charged(seen, card_ms)
        ended = replace(charged, state=state, ended_at_ms=now_ms)
        steps = (_changed(seen, ended), _capture(seen, charged, now_ms), _free_lane(seen.lane))
        _check(await self.store.commit(*steps))

    async def release(self, lane: str) -> Reservation:
        """End the reservation of a lane now. Raises NotFound."""
        query = select(RESERVATION).where(
            RESERVATION.c.lane == lane, RESERVATION.c.state == State.ACTIVE.value
        )
        while found := await self._read(query):
            await self.end(found[0], 0)
            [row] = await self.store.read(select(RESERVATION).where(RESERVATION.c.id == found[0].id))
            if row["state"] != State.ACTIVE.value:
                return reservation_of(row)
        raise NotFound(
            f"{lane} is not reserved.", param="lane", resolution="batchin lanes list shows which are."
        )

    async def _read(self, query: Select[tuple[object, ...]]) -> Sequence[Reservation]:
        rows = await self.store.read(query.order_by(RESERVATION.c.id.desc()).limit(MOST_LISTED))
        return [reservation_of(row) for row in rows]


def _check(answer: object) -> None:
    """What changed meanwhile is gone on from at the next look; anything else is a fault of ours."""
    if isinstance(answer, Refused) and answer.code != "changed":
        raise InternalError(f"The books refuse a step of a reservation: {answer.code}.")


def _charged(seen: Reservation, card_ms: int) -> Reservation:
    """With so much time more, and all of it charged; what passes the hold is charged later."""
    total_ms = seen.card_ms + card_ms
    charge = min(seen.due_nano_usd(total_ms), seen.hour_nano_usd)
    return replace(seen, card_ms=total_ms, charged_nano_usd=seen.charged_nano_usd + charge)


def _hold(reservation: Reservation, at_ms: int) -> Op:
    """Money of the next hour, on no key: it stays when a process ends."""
    amount = reservation.hour_nano_usd
    return ops.hold(reservation.hold_id, reservation.account_id, None, amount, JOBS, at_ms)


def _capture(seen: Reservation, charged: Reservation, at_ms: int) -> Op:
    amount = charged.charged_nano_usd - seen.charged_nano_usd
    return ops.capture(seen.hold_id, seen.account_id, None, amount, at_ms)


def _take_lane(opened: Reservation) -> Op:
    of_lane = Key("reserved_lane", (opened.lane,))
    of_reservation = Key("reservation", (opened.id,))

    def fold(rows: Rows) -> Refused | None:
        if rows.get(of_lane) is not None:
            return Refused("reserved")
        rows.put(of_lane, {"lane": opened.lane, "reservation_id": opened.id})
        rows.put(of_reservation, row_of(opened))
        return None

    return Op((of_lane,), fold, fresh=(of_reservation,))


def _free_lane(lane: str) -> Op:
    key = Key("reserved_lane", (lane,))
    return Op((key,), lambda rows: rows.delete(key))


def _changed(seen: Reservation, after: Reservation) -> Op:
    """Goes on from what was seen alone, else it is refused."""
    key, before = Key("reservation", (seen.id,)), row_of(seen)

    def fold(rows: Rows) -> Refused | None:
        if rows.get(key) != before:
            return Refused("changed")
        rows.put(key, row_of(after))
        return None

    return Op((key,), fold)

"""A reservation of cards, and what its metered time costs."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from base.money import ceil_div
from storage.op import Row

HOUR_MS: Final = 3_600_000


class State(StrEnum):
    """``unpaid``: it ended because its account could not pay the next hour ahead."""

    ACTIVE = "active"
    ENDED = "ended"
    UNPAID = "unpaid"


@dataclass(frozen=True, slots=True)
class Reservation:
    """Cards of a private lane. ``card_ms`` is the metered time of all of its cards together,
    ``until_ms`` when it is to end, None for open."""

    id: str
    account_id: str
    lane: str
    cards: int
    nano_per_card_hour: int
    state: State
    period: int
    period_ends_at_ms: int
    card_ms: int
    charged_nano_usd: int
    began_at_ms: int
    until_ms: int | None = None
    ended_at_ms: int | None = None

    @property
    def hour_nano_usd(self) -> int:
        """The most that one hour may cost: what is held ahead."""
        return self.cards * self.nano_per_card_hour

    @property
    def hold_id(self) -> str:
        """Of the hold that covers the hour that runs."""
        return f"{self.id}:{self.period}"

    def due_nano_usd(self, card_ms: int) -> int:
        """What is not charged yet of so much time in all. Rounded up once, over the whole time."""
        return ceil_div(card_ms * self.nano_per_card_hour, HOUR_MS) - self.charged_nano_usd


def row_of(reservation: Reservation) -> Row:
    names = Reservation.__dataclass_fields__
    return {**{name: getattr(reservation, name) for name in names}, "state": reservation.state.value}


def reservation_of(row: Row) -> Reservation:
    return Reservation(**{**row, "state": State(row["state"])})

"""The operation that shows an account its reserved lanes, and its wire shape."""

from typing import Literal

from pydantic import BaseModel, Field

from base.errors import Forbidden
from manifests.operation import JSON, Auth, Operation, Reply


class Reservation(BaseModel):
    """Cards of a private lane that the account has for itself. Each hour is held ahead and charged, when
    it is over, for the time in which the cards stood ready."""

    id: str
    lane: str
    cards: int
    usd_per_card_hour: str
    status: Literal["active", "ended", "unpaid"] = Field(
        description="unpaid: it ended, for the balance did not pay the next hour ahead."
    )
    card_hours: float = Field(description="Metered so far, of all its cards together.")
    charged_usd: str
    due_usd: str = Field(description="Metered in the hour that runs, and not charged yet.")
    held_usd: str = Field(description="Held for the hour that runs: the most that it may cost.")
    charged_next_at: str | None
    began_at: str
    until: str | None = Field(description="When it will end; null for open.")
    ended_at: str | None


class ReservationList(BaseModel):
    """The reservations of an account, the newest first."""

    object: Literal["list"]
    data: list[Reservation]


def reservation_operations() -> tuple[Operation, ...]:
    return (
        Operation(
            "GET",
            "/v1/reservations",
            "listReservations",
            "Reserved lanes",
            Auth.KEY,
            description=(
                "Private lanes that the account reserved, with the card-hours that were metered and "
                "charged through its balance. An operator makes them."
            ),
            tag="account",
            replies={200: Reply("The reservations.", {JSON: ReservationList}, ("X-Request-Id",))},
            errors=(Forbidden,),
        ),
    )

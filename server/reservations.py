"""Reserved lanes on this server: what an account sees of its own, and what an operator does."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from base.clock import iso_utc
from base.money import NANO_MAX, usd_text
from server.books import account_named
from server.operations import Arguments, NoArguments, Operation
from server.web.caller import Callers
from server.web.owner import owned_answer, owner_of
from settlement.ledger.accounts import Accounts
from settlement.reservations.book import Reservations
from settlement.reservations.reservation import HOUR_MS, Reservation, State

_LANE: Final = r"^private:[A-Za-z0-9._-]{1,64}$"


@dataclass(frozen=True, slots=True)
class ReservationRoutes:
    """Of the account of the key."""

    book: Reservations
    callers: Callers

    def routes(self) -> list[Route]:
        return [Route("/v1/reservations", self._list, methods=["GET"])]

    async def _list(self, request: Request) -> Response:
        owner = owner_of(self.callers, request)
        found = await self.book.of_account(owner.account_id)
        return owned_answer({"object": "list", "data": [_shown(one) for one in found]})


class ReserveLane(Arguments):
    lane: str = Field(pattern=_LANE)
    account: str | None = Field(None, description="Id or name; by default the only one there is.")
    cards: int = Field(ge=1, le=100_000)
    nano_usd_per_card_hour: int = Field(ge=1, le=NANO_MAX)
    hours: int | None = Field(None, ge=1, le=87_600, description="For how long; by default open.")


class ReleaseLane(Arguments):
    lane: str = Field(pattern=_LANE)


@dataclass(frozen=True, slots=True)
class LanesOffice:
    """Reserves lanes for accounts, and releases them."""

    accounts: Accounts
    book: Reservations

    def operations(self) -> Mapping[str, Operation]:
        return {
            "lanes.list": Operation(NoArguments, self._list),
            "lanes.reserve": Operation(ReserveLane, self._reserve),
            "lanes.release": Operation(ReleaseLane, self._release),
        }

    async def _list(self, _: NoArguments) -> list[dict[str, Any]]:
        return [_of_account(one) for one in await self.book.all()]

    async def _reserve(self, asked: ReserveLane) -> dict[str, Any]:
        account = await account_named(self.accounts, asked.account)
        terms = (asked.lane, asked.cards, asked.nano_usd_per_card_hour, asked.hours)
        return _of_account(await self.book.open(account.id, *terms))

    async def _release(self, asked: ReleaseLane) -> dict[str, Any]:
        return _of_account(await self.book.release(asked.lane))


def _of_account(one: Reservation) -> dict[str, Any]:
    return {**_shown(one), "account_id": one.account_id}


def _shown(one: Reservation) -> dict[str, Any]:
    running = one.state is State.ACTIVE
    due = one.due_nano_usd(one.card_ms) if running else 0
    return {
        "id": one.id,
        "lane": one.lane,
        "cards": one.cards,
        "usd_per_card_hour": usd_text(one.nano_per_card_hour),
        "status": one.state.value,
        "card_hours": round(one.card_ms / HOUR_MS, 4),
        "charged_usd": usd_text(one.charged_nano_usd),
        "due_usd": usd_text(due),
        "held_usd": usd_text(one.hour_nano_usd if running else 0),
        "charged_next_at": iso_utc(one.period_ends_at_ms) if running else None,
        "began_at": iso_utc(one.began_at_ms),
        "until": None if one.until_ms is None else iso_utc(one.until_ms),
        "ended_at": None if one.ended_at_ms is None else iso_utc(one.ended_at_ms),
    }

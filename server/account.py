"""The routes of an account: who one is, what was used and spent."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from base.clock import Clock
from base.errors import InsufficientFunds
from server.free import FreeDoor
from server.web.methods import Endpoint
from server.web.query import numbers_read
from server.web.request import read_head
from settlement.ledger.keys import Keys

_LISTS = ("logs", "by-model", "by-tool", "by-api-key", "by-day", "meter-events")
_NUMBERS = ("limit", "offset", "since", "until")


@dataclass(frozen=True, slots=True)
class AccountRoutes:
    """What the tools ``account`` and ``usage`` tell, for the holder of a key or a wallet's token."""

    door: FreeDoor
    keys: Keys
    clock: Clock

    def routes(self) -> list[Route]:
        get = self.door.get
        costs = get(
            "usage", _reading("cost-breakdown"), lambda out: {**out["total"], **out["breakdown"]}
        )
        lists = (
            Route(f"/v1/usage/{view}", get("usage", _reading(view), lambda output: output["items"]))
            for view in _LISTS
        )
        return [
            Route("/v1/users/me", get("account", lambda _: {}, lambda output: output)),
            Route("/v1/usage/summary", self._summary()),
            Route("/v1/usage/cost-breakdown", costs),
            *lists,
        ]

    def _summary(self) -> Endpoint:
        """The sums. The holder of a key that is over its budget is told so, beside them."""
        summed = self.door.get("usage", _reading("summary"), lambda output: output["total"])

        async def endpoint(request: Request) -> Response:
            response = await summed(request)
            if response.status_code != 200 or not await self._is_over_budget(request):
                return response
            error = InsufficientFunds(
                "API key monthly budget exceeded", resolution="Increase key budget or rotate key."
            )
            response.status_code = error.status
            response.body = orjson.dumps({**error.body(), **orjson.loads(response.body)})
            response.headers["content-length"] = str(len(response.body))
            response.headers["x-should-retry"] = "false"
            return response

        return endpoint

    async def _is_over_budget(self, request: Request) -> bool:
        key_id = self.door.who(read_head(request.scope)).key_id
        info = await self.keys.info(key_id) if key_id is not None else None
        budget = info.limits.monthly_budget_nano_usd if info is not None else None
        if info is None or budget is None:
            return False
        return info.spent_in(self.clock.now_ms()) >= budget


def _reading(view: str) -> Callable[[Request], Mapping[str, Any]]:
    """Arguments of the usage tool from a query string. Raises InvalidRequest."""

    def read(request: Request) -> Mapping[str, Any]:
        return {"view": view, **numbers_read(request, _NUMBERS)}

    return read

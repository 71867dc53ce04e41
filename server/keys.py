"""/v1/keys: people make, list and end the API keys of their account. No tool does it: no agent shall be
led to."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from base.caller import Caller, CallerKind
from base.clock import Clock, iso_utc
from base.errors import BatchinError, Forbidden, NotFound
from base.ids import new_id
from base.money import NANO_PER_CENT, cents_floor, cents_rounded
from manifests.account import KeyRequest
from server.web.caller import Callers
from server.web.error_answer import error_answer
from server.web.methods import Endpoint, route
from server.web.refusal import refusal_headers
from server.web.request import Head, read_body, read_head, read_json
from settlement.ledger.credentials import KeyInfo, KeyLimits
from settlement.ledger.keys import Keys
from tools.arguments import parse
from tools.observe import Observer
from tools.scopes import check_endpoint

_NO_LIMITS: Final = KeyLimits()
_log: Final = logging.getLogger("batchin.keys")


@dataclass(frozen=True, slots=True)
class KeyRoutes:
    """Only an unlimited key makes or ends others: what a limited one makes could do more than itself."""

    keys: Keys
    callers: Callers
    clock: Clock
    observer: Observer
    body_limit: int

    def routes(self) -> list[Route]:
        return [
            route("/v1/keys", GET=self._endpoint(self._list), POST=self._endpoint(self._create)),
            Route("/v1/keys/{id}", self._endpoint(self._delete), methods=["DELETE"]),
        ]

    async def _list(self, caller: Caller, _: Request) -> Response:
        now_ms = self.clock.now_ms()
        found = await self.keys.list(caller.account_id)
        return _json([_shown(key, now_ms) for key in found if key.kind == "key"])

    async def _create(self, caller: Caller, request: Request) -> Response:
        await self._check_unlimited(caller)
        head = read_head(request.scope)
        body = await read_body(request.receive, head, self.body_limit)
        asked = parse(KeyRequest, read_json(head, body) if body else {})
        made = await self.keys.create(str(caller.account_id), asked.name, self._limits(asked))
        _log.info("key made", extra={"key_id": made.id, "account_id": caller.account_id})
        return _json({**_shown(made.info, self.clock.now_ms()), "key": made.key})

    async def _delete(self, caller: Caller, request: Request) -> Response:
        key_id: str = request.path_params["id"]
        if key_id != caller.key_id:
            await self._check_unlimited(caller)
        info = await self.keys.info(key_id)
        if info is None or info.account_id != caller.account_id or info.kind != "key":
            raise NotFound("API key not found", param="id", resolution="Verify key id and retry.")
        await self.keys.revoke(key_id, caller.account_id)
        _log.info("key ended", extra={"key_id": key_id, "account_id": caller.account_id})
        return Response(status_code=204)

    async def _check_unlimited(self, caller: Caller) -> None:
        own = await self.keys.info(str(caller.key_id))
        if own is None or _bounds(own.limits) != _NO_LIMITS:
            raise Forbidden(
                "A key with limits can't make or end other keys.",
                resolution="Use a key without limits, or ask the operator (batchin keys create).",
            )

    def _limits(self, asked: KeyRequest) -> KeyLimits:
        expires_in_s = asked.expires_in_s
        return KeyLimits(
            workspace=asked.workspace,
            scopes=frozenset(asked.scopes),
            rate_limit_rpm=asked.rate_limit_rpm,
            rate_limit_tpm=asked.rate_limit_tpm,
            max_concurrency=asked.max_concurrency,
            streams_responses=asked.streams_responses,
            salts_hashes=asked.salts_hashes,
            keeps_samples=asked.keeps_samples,
            monthly_budget_nano_usd=(
                None
                if asked.monthly_budget_cents is None
                else asked.monthly_budget_cents * NANO_PER_CENT
            ),
            expires_at_ms=None if expires_in_s is None else self.clock.now_ms() + expires_in_s * 1000,
        )

    def _endpoint(self, answer: Callable[[Caller, Request], Awaitable[Response]]) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            try:
                caller = self._person(read_head(request.scope))
                check_endpoint(caller, request.url.path)
                response = await answer(caller, request)
            except BatchinError as error:
                return error_answer(error, refusal_headers(self.observer, "keys", error))
            response.headers["x-request-id"] = new_id("req")
            response.headers["cache-control"] = "no-store"
            return response

        return endpoint

    def _person(self, head: Head) -> Caller:
        """Whose key it is. Raises Unauthorized without one, Forbidden for a wallet's token."""
        caller = self.callers.account(head)
        if caller.kind is not CallerKind.ACCOUNT:
            raise Forbidden("A wallet has no API keys.", resolution="Use an account's API key.")
        return caller


def _json(value: Any) -> Response:
    return Response(orjson.dumps(value), media_type="application/json")


def _bounds(limits: KeyLimits) -> KeyLimits:
    """Without the wishes, which limit nothing."""
    return replace(limits, salts_hashes=False, keeps_samples=False)


def _shown(key: KeyInfo, now_ms: int) -> Mapping[str, Any]:
    limits = key.limits
    budget, until_ms = limits.monthly_budget_nano_usd, limits.expires_at_ms
    return {
        "id": key.id,
        "key_prefix": key.prefix,
        "name": key.name,
        "rate_limit_rpm": limits.rate_limit_rpm,
        "rate_limit_tpm": limits.rate_limit_tpm,
        "max_concurrency": limits.max_concurrency,
        "streams_responses": limits.streams_responses,
        "salts_hashes": limits.salts_hashes,
        "keeps_samples": limits.keeps_samples,
        "monthly_budget_cents": None if budget is None else cents_floor(budget),
        "spent_this_month_cents": cents_rounded(key.spent_in(now_ms)),
        "scopes": sorted(limits.scopes),
        "workspace": limits.workspace,
        "lane": limits.lane,
        "region": limits.region,
        "is_active": key.is_active(now_ms),
        "created_at": iso_utc(key.created_at_ms),
        "expires_at": None if until_ms is None else iso_utc(until_ms),
    }

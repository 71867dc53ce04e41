"""The routes of proof: records, receipts and bundles for everybody, under /v1/vaas and /v1/audit."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from base.errors import NotFound
from server.anchors import AnchorRoutes
from server.feedback import FeedbackRoutes
from server.proof_log import OPEN, LogRoutes
from server.web.by_address import limited
from server.web.methods import Endpoint
from settlement.agent.seat import AgentSeat
from settlement.evidence.reader import EvidenceReader
from settlement.limits.addresses import AddressLimits

Reading = Callable[[str], Awaitable[Mapping[str, Any] | None]]
ROOTS = ("/v1/vaas", "/v1/audit")


@dataclass(frozen=True, slots=True)
class Proof:
    """Answers from the evidence store. A run, a record and an audit id name the same call."""

    reader: EvidenceReader
    seat: AgentSeat
    limits: AddressLimits

    def routes(self) -> list[Route]:
        return [limited(route, self.limits) for route in self._all()]

    def _all(self) -> list[Route]:
        return [
            *LogRoutes(self.reader).routes(),
            *AnchorRoutes(self.reader, self.seat).routes(),
            *FeedbackRoutes(self.reader, self.seat).routes(),
            *(route for root in ROOTS for route in self._routes(root)),
        ]

    def _routes(self, root: str) -> list[Route]:
        reader = self.reader
        return [
            Route(f"{root}/pubkey/current", self._public_key),
            Route(f"{root}/pubkey/{{key_id}}", self._one_key),
            Route(f"{root}/verify/{{id}}", _by_id(reader.verify)),
            Route(f"{root}/{{id}}", _by_id(reader.record)),
            Route(f"{root}/{{id}}/verify", _by_id(reader.verify)),
            Route(f"{root}/{{id}}/evidence", _by_id(reader.evidence)),
            Route(f"{root}/{{id}}/receipt", _by_id(reader.receipt)),
            Route(f"{root}/{{id}}/bundle", _by_id(reader.bundle)),
        ]

    async def _one_key(self, request: Request) -> Response:
        found = self.reader.keys.find(request.path_params["key_id"])
        if found is None:
            raise NotFound("No such key.", param="key_id", resolution="Verify key_id of the record.")
        return JSONResponse(found, headers=OPEN)

    async def _public_key(self, _: Request) -> Response:
        return JSONResponse(self.reader.keys_document(), headers=OPEN)


def _by_id(read: Reading) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        found = await read(request.path_params["id"])
        if found is None:
            raise NotFound("Audit record not found", resolution="Verify audit_id.")
        return JSONResponse(found, headers=OPEN)

    return endpoint

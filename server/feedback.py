"""The routes of feedback: what a payer tells the Reputation Registry of ERC-8004, ready to use."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from base.errors import NotFound, ServiceUnavailable
from server.proof_log import OPEN
from server.web.query import numbers_read
from settlement.agent.feedback import LARGEST, MOST_DECIMALS, Feedback, Opinion, feedback, submission
from settlement.agent.seat import AgentSeat
from settlement.evidence.reader import EvidenceReader
from tools.arguments import parse

_PATH: Final = "/v1/audit/{id}/feedback"


class OpinionQuery(BaseModel):
    """The query of both routes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: int = Field(100, ge=-LARGEST, le=LARGEST)
    value_decimals: int = Field(0, ge=0, le=MOST_DECIMALS)
    tag1: str = Field("", max_length=64)
    tag2: str = Field("", max_length=64)


@dataclass(frozen=True, slots=True)
class FeedbackRoutes:
    """Whoever asks: who may submit is decided by the wallet that signs."""

    reader: EvidenceReader
    seat: AgentSeat

    def routes(self) -> list[Route]:
        return [Route(_PATH, self._file), Route(f"{_PATH}/submission", self._submission)]

    async def _file(self, request: Request) -> Response:
        given, _, _ = await self._given(request)
        return Response(given.content, media_type="application/json", headers=OPEN)

    async def _submission(self, request: Request) -> Response:
        given, asked, bundle = await self._given(request)
        place = self.seat.place
        record = bundle["evidence"]["payload"]
        if place is None or not record["agent_registry"].startswith(f"{place.network}:"):
            raise ServiceUnavailable("The chain of the record's registry does not answer here.")
        query = urlencode(asked.model_dump())
        uri = f"{self.seat.base_url}{_PATH.format(id=record['record_id'])}?{query}"
        agent_id = int(record["agent_id"])
        answer = submission(given, _opinion(asked), uri, agent_id, place)
        return JSONResponse(answer, headers=OPEN)

    async def _given(self, request: Request) -> tuple[Feedback, OpinionQuery, Mapping[str, Any]]:
        asked = parse(OpinionQuery, numbers_read(request, ()))
        bundle = await self.reader.bundle(request.path_params["id"])
        if bundle is None:
            raise NotFound("Audit record not found", resolution="Verify audit_id.")
        return feedback(bundle, _opinion(asked), self.seat.base_url), asked, bundle


def _opinion(asked: OpinionQuery) -> Opinion:
    return Opinion(asked.value, asked.value_decimals, asked.tag1, asked.tag2)

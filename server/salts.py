"""The salt of a record's hashes, for the account whose call it was: what proves them to others."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from base.errors import NotFound
from base.ids import run_id_from
from server.web.caller import Callers
from server.web.request import read_head
from settlement.evidence.reader import EvidenceReader
from settlement.evidence.salting import PLAIN, SALTED, Salts
from settlement.ledger.reports import UsageReports
from tools.scopes import check_endpoint


@dataclass(frozen=True, slots=True)
class SaltRoutes:
    """A call of another account is as unknown as one that never was."""

    usage: UsageReports
    reader: EvidenceReader
    salts: Salts
    callers: Callers

    def routes(self) -> list[Route]:
        return [Route("/v1/vaas/{id}/salt", self._salt)]

    async def _salt(self, request: Request) -> Response:
        caller = self.callers.account(read_head(request.scope))
        check_endpoint(caller, request.url.path)
        run_id = run_id_from(request.path_params["id"])
        account_id = caller.account_for(run_id) if run_id else None
        run = await self.usage.run(account_id, run_id) if account_id and run_id else None
        evidence = await self.reader.evidence(run_id) if run and run_id else None
        if evidence is None:
            raise NotFound("Your account has no such call.", param="id", resolution="Verify the id.")
        salt = self.salts.told(evidence)
        told = {
            "record_id": evidence["record_id"],
            "hashes": SALTED if salt else PLAIN,
            "salt": salt or None,
        }
        return JSONResponse(told, headers={"cache-control": "no-store"})

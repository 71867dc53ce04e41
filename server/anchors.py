"""The routes of anchors: where checkpoints of the log stand on a chain, and why not."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from base.errors import NotFound
from manifests.anchors import AnchorOrder
from server.proof_log import OPEN
from server.web.request import read_body, read_head, read_json
from settlement.agent.seat import AgentSeat
from settlement.evidence.reader import EvidenceReader
from tools.arguments import parse

CHAINS: Final = {"base": "eip155:8453", "base-sepolia": "eip155:84532"}
_DEV: Final = {"eip155:31337": "dev"}
_BODY_LIMIT: Final = 4096


@dataclass(frozen=True, slots=True)
class AnchorRoutes:
    """Nobody's request spends gas: the server anchors by its own policy, and tells how far it is."""

    reader: EvidenceReader
    seat: AgentSeat

    def routes(self) -> list[Route]:
        return [
            Route("/v1/vaas/anchors/readiness", self._readiness),
            Route("/v1/vaas/anchor/base", self._base, methods=["POST"]),
            Route("/v1/vaas/anchors/testnet", self._testnet, methods=["POST"]),
            Route("/v1/audit/anchors/{digest}", self._anchor),
        ]

    async def _readiness(self, _: Request) -> Response:
        chains = [self._chain(name, network) for name, network in self._known().items()]
        ready = any(chain["ready"] for chain in chains)
        return _answer({"ready": ready, "reason": self.seat.trouble, "chains": chains})

    async def _base(self, request: Request) -> Response:
        return await self._asked(request, "base")

    async def _testnet(self, request: Request) -> Response:
        """The development chain stands in for the test network where the server lives on it."""
        own = _DEV.get(self.seat.network or "")
        return await self._asked(request, own or "base-sepolia")

    async def _anchor(self, request: Request) -> Response:
        found = await self.seat.book.named(request.path_params["digest"])
        if found is None:
            raise NotFound("No such anchor.", param="digest", resolution="Verify the digest.")
        return _answer({**found.document(), "checkpoint": found.note})

    async def _asked(self, request: Request, name: str) -> Response:
        head = read_head(request.scope)
        body = read_json(head, await read_body(request.receive, head, _BODY_LIMIT))
        order = parse(AnchorOrder, body)
        bundle = await self.reader.bundle(order.record_id)
        if bundle is None:
            raise NotFound("Audit record not found", param="record_id", resolution="Verify record_id.")
        told = self._chain(name, self._known()[name])
        anchor = bundle.get("anchor")
        held = anchor is not None and anchor["network"] == told["network"]
        if told["ready"] and not held:
            told = {**told, "reason": "The record waits for the next anchor to be final; ask again."}
        transaction = anchor["transaction"] if anchor is not None and held else None
        return _answer(
            {**told, "record_id": bundle["evidence"]["record_id"], "transaction": transaction}
        )

    def _known(self) -> Mapping[str, str]:
        """The documented chains, and the server's own where it is another."""
        network = self.seat.network
        if network is None or network in CHAINS.values():
            return CHAINS
        return {**CHAINS, _DEV.get(network, network): network}

    def _chain(self, name: str, network: str) -> Mapping[str, Any]:
        if network != self.seat.network:
            where = self.seat.network or "no chain"
            reason = f"This server anchors on {where}, not on {network}."
        else:
            reason = self.seat.trouble
        return {"chain": name, "network": network, "ready": not reason, "reason": reason}


def _answer(value: Any) -> Response:
    return JSONResponse(value, headers=OPEN)

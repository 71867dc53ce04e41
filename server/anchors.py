"""The routes of anchors: on which chains checkpoints of the log could be anchored, and why not."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from base.errors import NotFound
from manifests.anchors import AnchorOrder
from server.proof_log import OPEN
from server.web.request import read_body, read_head, read_json
from settlement.evidence.reader import EvidenceReader
from tools.arguments import parse

CHAINS: Final = {"base": "eip155:8453", "base-sepolia": "eip155:84532"}
_BODY_LIMIT: Final = 4096
_WHY: Final = (
    "This server anchors on no chain: it writes nothing to an ERC-8004 Identity Registry. Its records "
    "are in the log, whose checkpoints anyone can keep and compare."
)


def anchor_routes(reader: EvidenceReader) -> list[Route]:
    async def readiness(_: Request) -> Response:
        return _answer({"ready": False, "reason": _WHY, "chains": [_chain(name) for name in CHAINS]})

    async def asked(request: Request, chain: str) -> Response:
        head = read_head(request.scope)
        body = read_json(head, await read_body(request.receive, head, _BODY_LIMIT))
        order = parse(AnchorOrder, body)
        evidence = await reader.evidence(order.record_id)
        if evidence is None:
            raise NotFound("Audit record not found", param="record_id", resolution="Verify record_id.")
        return _answer({**_chain(chain), "record_id": evidence["record_id"], "transaction": None})

    async def base(request: Request) -> Response:
        return await asked(request, "base")

    async def testnet(request: Request) -> Response:
        return await asked(request, "base-sepolia")

    return [
        Route("/v1/vaas/anchors/readiness", readiness),
        Route("/v1/vaas/anchor/base", base, methods=["POST"]),
        Route("/v1/vaas/anchors/testnet", testnet, methods=["POST"]),
    ]


def _chain(name: str) -> Mapping[str, Any]:
    return {"chain": name, "network": CHAINS[name], "ready": False, "reason": _WHY}


def _answer(value: Any) -> Response:
    return JSONResponse(value, headers=OPEN)

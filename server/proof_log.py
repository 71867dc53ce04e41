"""The routes of the log, for everybody: head, proofs, entries, and whether it is whole."""

from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from base.clock import iso_utc
from base.errors import NotFound
from manifests.log import MerkleProof
from server.web.query import numbers_read
from server.web.request import read_body, read_head, read_json
from settlement.evidence.integrity import log_integrity
from settlement.evidence.log import MAX_ENTRIES
from settlement.evidence.merkle_path import Sibling, path_verdict
from settlement.evidence.reader import EvidenceReader
from settlement.evidence.spelling import hash_text
from tools.arguments import parse

ROOT: Final = "/v1/audit/log"
OPEN: Final = {"access-control-allow-origin": "*", "cache-control": "no-cache"}
_BODY_LIMIT: Final = 65_536
_INDEX_DIGITS: Final = 18  # a bare id has 32


@dataclass(frozen=True, slots=True)
class LogRoutes:
    """Answers from the log of this server's records. Hashes and figures only."""

    reader: EvidenceReader

    def routes(self) -> list[Route]:
        return [
            Route(f"{ROOT}/head", self._head),
            Route(f"{ROOT}/inclusion/{{id}}", self._inclusion),
            Route(f"{ROOT}/consistency", self._consistency),
            Route(f"{ROOT}/entries", self._entries),
            Route("/v1/audit/chain/integrity", self._integrity),
            Route("/v1/audit/verify-merkle", self._path, methods=["POST"]),
        ]

    async def _head(self, _: Request) -> Response:
        head = await self.reader.log.head()
        return _answer(
            {
                "size": head.size,
                "root": head.root.hex(),
                "checkpoint": head.note,
                "checkpoint_at": iso_utc(head.at_ms) if head.note else None,
                **self.reader.log.document(),
            }
        )

    async def _inclusion(self, request: Request) -> Response:
        asked: str = request.path_params["id"]
        if asked.isascii() and asked.isdigit() and len(asked) <= _INDEX_DIGITS:
            return _answer(await self.reader.log.inclusion_at(int(asked)))
        found = await self.reader.inclusion(asked)
        if found is None:
            raise NotFound(
                "The log has no such record.",
                param="id",
                resolution="Verify the id; a new record gets its place within seconds.",
            )
        return _answer(found)

    async def _consistency(self, request: Request) -> Response:
        log = self.reader.log
        asked = _asked(request, "first", "second")
        second = asked["second"] if "second" in asked else (await log.head()).size
        return _answer(await log.consistency(asked.get("first", 0), second))

    async def _entries(self, request: Request) -> Response:
        asked = _asked(request, "start", "limit")
        entries = await self.reader.log.entries(asked.get("start", 0), asked.get("limit", MAX_ENTRIES))
        shown = [
            {"leaf_index": entry.leaf_index, "payload_hash": hash_text(entry.payload_hash)}
            for entry in entries
        ]
        return _answer({"entries": shown, "size": (await self.reader.log.head()).size})

    async def _integrity(self, _: Request) -> Response:
        return _answer(await log_integrity(self.reader.log))

    async def _path(self, request: Request) -> Response:
        head = read_head(request.scope)
        body = read_json(head, await read_body(request.receive, head, _BODY_LIMIT))
        asked = parse(MerkleProof, body)
        path = [
            Sibling(_bytes(item)) if isinstance(item, str) else Sibling(_bytes(item.hash), item.position)
            for item in asked.proof
        ]
        leaf, root = _bytes(asked.leaf_hash), _bytes(asked.root)
        return _answer(path_verdict(leaf, path, root, asked.leaf_index, asked.tree_size))


def _asked(request: Request, *numbers: str) -> dict[str, Any]:
    return numbers_read(request, numbers)


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("sha256:"))


def _answer(value: Any) -> Response:
    return JSONResponse(value, headers=OPEN)

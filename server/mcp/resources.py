"""resources/*: the documents, the model catalog and the receipts, addressed as ``batchin://``."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import mcp_types as types
import orjson
from mcp.shared.exceptions import MCPError

from base.errors import BatchinError
from base.resource import Resource
from manifests.document import Document, json_document
from manifests.resources import CATALOG, DOCUMENTS, RECEIPT_PREFIX, RECEIPTS, RESOURCES
from server.mcp.context import Context, visit_of
from server.web.caller import Callers
from settlement.rail import Delivery
from tools.invoke import Invoker

Bundles = Callable[[str], Awaitable[Mapping[str, Any] | None]]
Result = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Resources:
    """Answers from the rendered documents, from the free ``models`` tool, and from ``bundles``, which
    finds the bundle (receipt, evidence, inclusion) of a run, record or audit id."""

    documents: Mapping[str, Document]
    invoker: Invoker
    callers: Callers
    bundles: Bundles

    async def list(self, context: Context, params: Any) -> Result:
        return {"resultType": "complete", "resources": list(RESOURCES)}

    async def templates(self, context: Context, params: Any) -> Result:
        return {"resultType": "complete", "resourceTemplates": [RECEIPTS]}

    async def read(self, context: Context, params: types.ReadResourceRequestParams) -> Result:
        """The handler of resources/read. Raises MCPError (-32602) for what does not exist."""
        uri = str(params.uri)
        document = await self._document(uri, context)
        if document is None:
            raise MCPError(
                types.INVALID_PARAMS,
                f"Unknown resource: {uri}. resources/list names all resources.",
                {"uri": uri},
            )
        kind = document.content_type.partition(";")[0]
        content = {"uri": uri, "mimeType": kind, "text": document.text}
        return {"resultType": "complete", "contents": [content]}

    async def _document(self, uri: str, context: Context) -> Document | None:
        if uri in DOCUMENTS:
            return self.documents.get(DOCUMENTS[uri])
        if uri == CATALOG:
            return await self._catalog(context)
        if not uri.startswith(RECEIPT_PREFIX):
            return None
        bundle = await self.bundles(uri.removeprefix(RECEIPT_PREFIX))
        return None if bundle is None else json_document(bundle)

    async def _catalog(self, context: Context) -> Document:
        visit = visit_of(context)
        resource = Resource(CATALOG, "The model catalog")
        call = self.callers.call(visit.head, visit.caller, resource, Delivery.WHOLE)
        try:
            done = await self.invoker.invoke("models", {}, call)
        except BatchinError as error:
            raise MCPError(types.INTERNAL_ERROR, error.message, error.body()) from None
        return Document("application/json", orjson.dumps(done.output))

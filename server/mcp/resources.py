"""resources/*: documents, the catalog, receipts, and a caller's batches and files, as ``batchin://``."""

from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import mcp_types as types
import orjson
from mcp.shared.exceptions import MCPError

from base.caller import Caller
from base.errors import BatchinError, NotFound
from base.resource import Resource
from manifests.document import Document, json_document
from manifests.resources import (
    BATCH_PREFIX,
    CATALOG,
    DOCUMENTS,
    FILE_PREFIX,
    RECEIPT_PREFIX,
    RESOURCES,
    TEMPLATES,
)
from server.mcp.context import Context, visit_of
from server.web.caller import Callers
from settlement.rail import Delivery
from tools.invoke import Invoker

Bundles = Callable[[str], Awaitable[Mapping[str, Any] | None]]
ReadFile = Callable[[Caller, str], Awaitable[Document]]
Result = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Resources:
    """Answers from the rendered documents, from free tools, from ``bundles``, which finds the bundle
    (receipt, evidence, inclusion) of a run, record or audit id, and from ``files``, which reads files of
    the caller."""

    documents: Mapping[str, Document]
    invoker: Invoker
    callers: Callers
    bundles: Bundles
    files: ReadFile

    async def list(self, context: Context, params: Any) -> Result:
        return {"resultType": "complete", "resources": list(RESOURCES)}

    async def templates(self, context: Context, params: Any) -> Result:
        return {"resultType": "complete", "resourceTemplates": list(TEMPLATES)}

    async def read(self, context: Context, params: types.ReadResourceRequestParams) -> Result:
        """The handler of resources/read. Raises MCPError (-32602) for what does not exist."""
        uri = str(params.uri)
        try:
            document = await self._document(uri, context)
        except NotFound:
            document = None
        except BatchinError as error:
            code = types.INTERNAL_ERROR if error.status >= 500 else types.INVALID_PARAMS
            raise MCPError(code, error.message, error.body()) from None
        if document is None:
            raise MCPError(
                types.INVALID_PARAMS,
                f"Unknown resource: {uri}. resources/list names all resources.",
                {"uri": uri},
            )
        return {"resultType": "complete", "contents": [_content(uri, document)]}

    async def _document(self, uri: str, context: Context) -> Document | None:
        if uri in DOCUMENTS:
            return self.documents.get(DOCUMENTS[uri])
        if uri == CATALOG:
            return await self._told("models", {}, uri, context)
        if uri.startswith(BATCH_PREFIX):
            return await self._told("batch_get", {"id": uri.removeprefix(BATCH_PREFIX)}, uri, context)
        if uri.startswith(FILE_PREFIX):
            return await self.files(visit_of(context).caller, uri.removeprefix(FILE_PREFIX))
        if not uri.startswith(RECEIPT_PREFIX):
            return None
        bundle = await self.bundles(uri.removeprefix(RECEIPT_PREFIX))
        return None if bundle is None else json_document(bundle)

    async def _told(
        self, tool: str, arguments: Mapping[str, Any], uri: str, context: Context
    ) -> Document:
        """What a free tool tells the caller."""
        visit = visit_of(context)
        call = self.callers.call(visit.head, visit.caller, Resource(uri, tool), Delivery.WHOLE)
        done = await self.invoker.invoke(tool, arguments, call)
        return Document("application/json", orjson.dumps(done.output))


def _content(uri: str, document: Document) -> Result:
    kind = document.content_type.partition(";")[0]
    try:
        return {"uri": uri, "mimeType": kind, "text": document.text}
    except UnicodeDecodeError:
        return {"uri": uri, "mimeType": kind, "blob": b64encode(document.body).decode()}

"""The MCP resources of this server, as ``resources/list`` shows them."""

CATALOG = "batchin://catalog/models"
RECEIPT_PREFIX = "batchin://receipts/"
BATCH_PREFIX = "batchin://batches/"
FILE_PREFIX = "batchin://files/"

# the documents behind resources, by the path that also serves them over HTTP
DOCUMENTS = {
    "batchin://docs/agents": "/agents.md",
    "batchin://docs/pricing": "/v1/pricing",
    "batchin://openapi": "/openapi.json",
}

RESOURCES = (
    {
        "uri": "batchin://docs/agents",
        "name": "agents",
        "title": "How to use this server",
        "description": "For a model that has never seen it: tools, paying, verifying, errors, examples.",
        "mimeType": "text/markdown",
    },
    {
        "uri": "batchin://docs/pricing",
        "name": "pricing",
        "title": "Prices",
        "description": "Prices by tool and model, and what payment rails are on.",
        "mimeType": "application/json",
    },
    {
        "uri": "batchin://openapi",
        "name": "openapi",
        "title": "OpenAPI 3.1",
        "description": "The HTTP door: every route, schema and status.",
        "mimeType": "application/json",
    },
    {
        "uri": CATALOG,
        "name": "models",
        "title": "Model catalog",
        "description": "The models, their prices, context lengths and whether they are available now.",
        "mimeType": "application/json",
    },
)

_RECEIPTS = {
    "uriTemplate": RECEIPT_PREFIX + "{id}",
    "name": "receipt",
    "title": "Receipt bundle",
    "description": "Receipt, evidence and inclusion proof of a run, by run, record or audit id.",
    "mimeType": "application/json",
}

_BATCHES = {
    "uriTemplate": BATCH_PREFIX + "{id}",
    "name": "batch",
    "title": "Batch",
    "description": "How far a batch of yours is, the results of its tasks, the ids of its output files.",
    "mimeType": "application/json",
}
_FILES = {
    "uriTemplate": FILE_PREFIX + "{id}",
    "name": "file",
    "title": "File",
    "description": "A file of yours, up to 8 MiB: what a batch put out, a video, what you uploaded.",
}
TEMPLATES = (_RECEIPTS, _BATCHES, _FILES)

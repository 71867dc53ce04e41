"""The MCP server card (SEP-2127, schema v1) and the AI catalog that leads to it."""

from typing import Any

from manifests.document import Document, json_document
from manifests.facts import Facts
from manifests.identity import CARD_NAME, SUMMARY, TITLE, WIRE_VERSIONS
from manifests.paths import CARD_TYPE

SCHEMA = "https://static.modelcontextprotocol.io/schemas/v1/server-card.schema.json"
CARD_PATH = "/v1/mcp/server-card"
_META = "tech.batchin/service"


def card(facts: Facts) -> Document:
    """Identity, transport and protocol versions. Tools are listed by ``tools/list`` alone."""
    return json_document(
        {
            "$schema": SCHEMA,
            "name": CARD_NAME,
            "version": facts.version,
            "title": TITLE,
            "description": SUMMARY,
            "websiteUrl": facts.base_url,
            "remotes": [
                {
                    "type": "streamable-http",
                    "url": facts.mcp_url,
                    "supportedProtocolVersions": list(WIRE_VERSIONS),
                    "headers": [authorization(facts)],
                }
            ],
            "_meta": {_META: _links(facts)},
        },
        CARD_TYPE,
    )


def ai_catalog(facts: Facts) -> Document:
    """Where the card is, for clients that start from the domain."""
    namespace, _, name = CARD_NAME.partition("/")
    publisher = ".".join(reversed(namespace.split(".")))
    entry = {
        "identifier": f"urn:air:{publisher}:{name}",
        "displayName": TITLE,
        "description": SUMMARY,
        "type": CARD_TYPE,
        "url": facts.base_url + CARD_PATH,
    }
    return json_document({"specVersion": "1.0", "host": {"displayName": TITLE}, "entries": [entry]})


def authorization(facts: Facts) -> dict[str, Any]:
    """The header that a client may send, as the card and the registry describe it."""
    without = "without it paid tools ask for an x402 payment" if facts.payment else "paid tools need it"
    return {
        "name": "Authorization",
        "description": f"Bearer API key. Optional: {without}.",
        "isRequired": False,
        "isSecret": True,
        "placeholder": "Bearer batchin_api_...",
    }


def _links(facts: Facts) -> dict[str, Any]:
    links: dict[str, Any] = {
        "agents": f"{facts.base_url}/agents.md",
        "llms": f"{facts.base_url}/llms.txt",
        "openapi": f"{facts.base_url}/openapi.json",
        "pricing": f"{facts.base_url}/v1/pricing",
        "openai_base_url": f"{facts.base_url}/v1",
    }
    if facts.payment:
        links["x402"] = f"{facts.base_url}/.well-known/x402"
    if facts.key:
        links["verify_key_hex"] = facts.key.verify_key_hex
    return links

"""The smaller discovery documents: x402, API catalog, packages, security, robots."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

from manifests.card import CARD_PATH
from manifests.document import Document, json_document, text_document
from manifests.facts import Facts
from manifests.operation import Auth, Operation
from manifests.paths import CARD_TYPE, MARKDOWN
from manifests.prices import models_of, tool_price
from manifests.pricing import x402_terms
from tools.core import AnyTool, Registry

_SECURITY_VALID = timedelta(days=365)


def x402(registry: Registry, facts: Facts, operations: Sequence[Operation]) -> Document:
    """What x402 pays for. ``resources`` are bare URLs, the form that most readers know; amounts depend
    on the request, so the challenge alone names them. What no model of the catalog does is not for
    sale."""
    paid = [o for o in operations if o.auth is Auth.PAID and _is_served(o, registry, facts)]
    return json_document(
        {
            "x402Version": 2,
            "resources": [facts.base_url + operation.path for operation in paid],
            "items": [_item(operation, registry, facts) for operation in paid],
            "payment": x402_terms(facts),
            "mcp": {
                "url": facts.mcp_url,
                "tools": [tool.name for tool in registry if _is_sold(tool, facts)],
            },
            "openapi": f"{facts.base_url}/openapi.json",
            "instructions": (
                "POST without a payment to get the challenge in the PAYMENT-REQUIRED header, sign one "
                "entry of accepts, POST again with PAYMENT-SIGNATURE."
            ),
        }
    )


def _is_served(operation: Operation, registry: Registry, facts: Facts) -> bool:
    tool = registry.get(operation.tool or "")
    if tool is None or not _is_sold(tool, facts):
        return False
    return not operation.seeing or any(model.sees for model in models_of(tool, facts))


def _is_sold(tool: AnyTool | None, facts: Facts) -> bool:
    return tool is not None and tool.quote is not None and bool(models_of(tool, facts))


def _item(operation: Operation, registry: Registry, facts: Facts) -> dict[str, Any]:
    tool = registry.get(operation.tool or "")
    if tool is None:
        raise ValueError(f"{operation.operation_id} is paid and has no tool")
    return {
        "resource": facts.base_url + operation.path,
        "type": "http",
        "method": operation.method,
        "description": tool.description,
        "mimeType": "application/json",
        "price": tool_price(tool, facts),
    }


def api_catalog(facts: Facts) -> Document:
    """A linkset (RFC 9264) as RFC 9727 wants it."""
    base = facts.base_url
    return json_document(
        {
            "linkset": [
                {
                    "anchor": f"{base}/v1",
                    "service-desc": [{"href": f"{base}/openapi.json", "type": "application/json"}],
                    "service-doc": [{"href": f"{base}/agents.md", "type": MARKDOWN}],
                    "status": [{"href": f"{base}/health", "type": "application/json"}],
                },
                {
                    "anchor": facts.mcp_url,
                    "service-desc": [{"href": base + CARD_PATH, "type": CARD_TYPE}],
                    "service-doc": [{"href": f"{base}/agents.md", "type": MARKDOWN}],
                },
            ]
        },
        "application/linkset+json",
    )


# name on the registry, oldest version that the suite runs with, what it is for
PACKAGES = (
    ("pypi", "openai", "3.54", "Chat and embeddings with an API key or a wallet's token."),
    ("pypi", "mcp", "2.3", "The MCP client; tools, resources and prompts."),
    ("pypi", "x402", "2.25", "Signs payments, over HTTP and for MCP; extras evm and httpx."),
    ("npm", "@modelcontextprotocol/client", "2.3.1", "The MCP client in TypeScript."),
    ("npm", "@modelcontextprotocol/sdk", "1.32.2", "The same for the handshake era, version 1."),
)


def sdk_packages(facts: Facts) -> Document:
    """The official packages of the protocols. The server needs no package of its own."""
    return json_document(
        {
            "openai_base_url": f"{facts.base_url}/v1",
            "mcp_url": facts.mcp_url,
            "packages": [
                {"registry": registry, "name": name, "tested_from": version, "use": use}
                for registry, name, version, use in PACKAGES
            ],
        }
    )


def security_txt(facts: Facts, contact: str) -> Document:
    """RFC 9116. Raises ValueError without the day of rendering, from which it counts its validity."""
    if facts.rendered_on is None:
        raise ValueError("security.txt needs the day it is rendered on")
    expires = datetime.combine(facts.rendered_on, time(), UTC) + _SECURITY_VALID
    lines = (
        f"Contact: {contact}",
        f"Expires: {expires:%Y-%m-%dT%H:%M:%SZ}",
        "Preferred-Languages: en",
        f"Canonical: {facts.base_url}/.well-known/security.txt",
    )
    return text_document("\n".join(lines) + "\n", "text/plain")


def robots_txt() -> Document:
    """Documents may be crawled; single records and health may not."""
    rules = ("User-agent: *", "Disallow: /v1/vaas/", "Disallow: /v1/audit/", "Disallow: /metrics")
    return text_document("\n".join(rules) + "\n", "text/plain")

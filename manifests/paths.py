"""The paths that serve documents: what each is, and in which media type."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_OBJECT: Mapping[str, Any] = {"type": "object"}
_STRING: Mapping[str, Any] = {"type": "string"}

CARD_TYPE = "application/mcp-server-card+json"
MARKDOWN = "text/markdown"


@dataclass(frozen=True, slots=True)
class DocumentPath:
    """A document as an operation tells of it. ``alias_of`` is the path that serves the same bytes."""

    operation_id: str
    summary: str
    media_type: str = "application/json"
    alias_of: str | None = None

    @property
    def schema(self) -> Mapping[str, Any]:
        return _OBJECT if self.media_type.endswith("json") else _STRING


_CARD = "/v1/mcp/server-card"

DOCUMENTS: Mapping[str, DocumentPath] = {
    "/": DocumentPath(
        "getHome",
        "This server in one page; its Link header leads to the rest",
        "text/plain",
        "/llms.txt",
    ),
    "/openapi.json": DocumentPath("getOpenApi", "This document"),
    "/llms.txt": DocumentPath("getLlmsTxt", "The site for language models, in one page", "text/plain"),
    "/llms-full.txt": DocumentPath(
        "getLlmsFullTxt", "Everything about the server in one text: tools, routes, errors", "text/plain"
    ),
    "/agents.md": DocumentPath("getAgentsMd", "How agents use this server", MARKDOWN),
    "/v1/pricing": DocumentPath("getPricing", "Prices by tool and model, and the payment rails"),
    _CARD: DocumentPath("getServerCard", "MCP server card (SEP-2127)", CARD_TYPE),
    "/.well-known/mcp/server-card.json": DocumentPath(
        "getServerCardJson", "MCP server card", CARD_TYPE, _CARD
    ),
    "/.well-known/mcp.json": DocumentPath("getMcpJson", "MCP server card", CARD_TYPE, _CARD),
    "/.well-known/mcp": DocumentPath("getMcpWellKnown", "MCP server card", CARD_TYPE, _CARD),
    "/.well-known/ai-catalog.json": DocumentPath("getAiCatalog", "AI catalog: where the card is"),
    "/.well-known/api-catalog": DocumentPath(
        "getApiCatalog", "API catalog (RFC 9727)", "application/linkset+json"
    ),
    "/.well-known/x402": DocumentPath("getX402", "The resources that x402 pays for"),
    "/.well-known/sdk-packages.json": DocumentPath(
        "getSdkPackages", "Client packages that this server is tested with"
    ),
    "/server.json": DocumentPath("getServerJson", "The entry for the MCP registry"),
    "/.well-known/agent-registration.json": DocumentPath(
        "getAgentRegistration", "Registration file of ERC-8004"
    ),
    "/.well-known/did.json": DocumentPath(
        "getDid", "The did:web document: every key that signed evidence here", "application/did+json"
    ),
    "/.well-known/agent-skills/index.json": DocumentPath(
        "getAgentSkills", "Skills of this domain (agentskills.io)"
    ),
    "/.well-known/agent-skills/batchin/SKILL.md": DocumentPath(
        "getSkill", "This server as a skill", MARKDOWN
    ),
    "/.well-known/security.txt": DocumentPath(
        "getSecurityTxt", "Security contact (RFC 9116)", "text/plain"
    ),
    "/robots.txt": DocumentPath("getRobotsTxt", "Crawling rules (RFC 9309)", "text/plain"),
}

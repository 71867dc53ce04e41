"""How registries and other agents know this server: the MCP registry, ERC-8004, did:web."""

import base64
from typing import Any
from urllib.parse import quote, urlsplit

from manifests.card import CARD_PATH, authorization
from manifests.document import Document, json_document
from manifests.facts import Facts, KeyFact
from manifests.icons import server_icon
from manifests.identity import CARD_NAME, SUMMARY, TITLE, WIRE_VERSIONS

SERVER_SCHEMA = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"
REGISTRATION_TYPE = "https://eips.ethereum.org/EIPS/eip-8004#registration-v1"
DID_PATH = "/.well-known/did.json"


def server_json(facts: Facts) -> Document:
    """The entry for the MCP registry (its schema of 2025-12-11). A remote server: there is no package
    to install."""
    remote = {"type": "streamable-http", "url": facts.mcp_url, "headers": [authorization(facts)]}
    return json_document(
        {
            "$schema": SERVER_SCHEMA,
            "name": CARD_NAME,
            "title": TITLE,
            "description": SUMMARY,
            "version": facts.version,
            "websiteUrl": facts.base_url,
            "remotes": [remote],
        }
    )


def agent_registration(facts: Facts) -> Document:
    """The registration file of ERC-8004. While the server is in no registry of a chain ``registrations``
    is empty, and it claims none of the trust models that such an entry backs."""
    base, agent = facts.base_url, facts.agent
    entries = [] if agent is None else [{"agentId": agent.agent_id, "agentRegistry": agent.registry}]
    return json_document(
        {
            "type": REGISTRATION_TYPE,
            "name": TITLE,
            "description": SUMMARY,
            "image": server_icon(),
            "services": [
                {"name": "MCP", "endpoint": facts.mcp_url, "version": WIRE_VERSIONS[-1]},
                {"name": "web", "endpoint": f"{base}/"},
                {"name": "OpenAPI", "endpoint": f"{base}/openapi.json"},
                {"name": "server-card", "endpoint": base + CARD_PATH},
                {"name": "DID", "endpoint": did_of(facts)},
            ],
            "x402Support": facts.payment is not None,
            "active": True,
            "registrations": entries,
            "supportedTrust": ["reputation"] if entries else [],
        }
    )


def did(facts: Facts) -> Document:
    """The did:web document: every key that signed evidence here, the current one to assert with."""
    name = did_of(facts)
    methods = [_method(name, key) for key in (*facts.past_keys, facts.key) if key is not None]
    current = [method["id"] for method in methods[-1:]] if facts.key else []
    return json_document(
        {
            "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/jwk/v1"],
            "id": name,
            "verificationMethod": methods,
            "assertionMethod": current,
            "service": [
                {"id": f"{name}#mcp", "type": "McpServer", "serviceEndpoint": facts.mcp_url},
                {"id": f"{name}#evidence", "type": "Evidence", "serviceEndpoint": _evidence(facts)},
            ],
        },
        "application/did+json",
    )


def did_of(facts: Facts) -> str:
    """The did:web of the address (did:web method, 2.1: a port is percent-encoded)."""
    return "did:web:" + quote(urlsplit(facts.base_url).netloc, safe="")


def _method(name: str, key: KeyFact) -> dict[str, Any]:
    encoded = base64.urlsafe_b64encode(bytes.fromhex(key.verify_key_hex)).rstrip(b"=").decode()
    ended = {"revoked" if key.revoked else "expires": key.ended_at} if key.ended_at else {}
    return {
        "id": f"{name}#{key.key_id}",
        "type": "JsonWebKey",
        **ended,
        "controller": name,
        "publicKeyJwk": {"kty": "OKP", "crv": "Ed25519", "x": encoded, "kid": key.key_id},
    }


def _evidence(facts: Facts) -> str:
    return f"{facts.base_url}/v1/vaas/pubkey/current"

"""The documents by which registries know a server, and the one text that holds everything."""

import base64
import hashlib
import json
import re
from typing import Any

import pytest

from manifests.errors import all_errors
from manifests.facts import KeyFact
from manifests.identity import SUMMARY
from manifests.registrations import did_of
from manifests.schemas import output_schema
from tests.unit.manifests import sample

PAST = KeyFact("k0", "cd" * 32)
DOCS = sample.rendered(sample.facts(past_keys=(PAST,)))


def load(path: str) -> Any:
    return json.loads(DOCS[path].body)


def test_the_registry_entry_keeps_to_its_schema() -> None:
    entry, card = load("/server.json"), load("/v1/mcp/server-card")
    assert entry["$schema"].endswith("/2025-12-11/server.schema.json")
    assert re.fullmatch(r"[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+", entry["name"])
    assert 1 <= len(entry["description"]) <= 100
    assert (entry["name"], entry["version"]) == (card["name"], card["version"])
    (remote,) = entry["remotes"]
    assert (remote["type"], remote["url"]) == ("streamable-http", f"{sample.BASE}/v1/mcp")
    assert remote["headers"][0]["isSecret"] is True


def test_the_registration_claims_nothing_that_is_not_so() -> None:
    told = load("/.well-known/agent-registration.json")
    assert told["type"] == "https://eips.ethereum.org/EIPS/eip-8004#registration-v1"
    assert told["registrations"] == told["supportedTrust"] == []
    assert told["x402Support"] is True
    services = {service["name"]: service for service in told["services"]}
    assert services["MCP"] == {
        "name": "MCP",
        "endpoint": f"{sample.BASE}/v1/mcp",
        "version": "2026-07-28",
    }
    assert services["DID"]["endpoint"] == load("/.well-known/did.json")["id"]
    without = sample.rendered(sample.facts(payment=None))["/.well-known/agent-registration.json"]
    assert json.loads(without.body)["x402Support"] is False


def test_every_key_is_told_and_the_current_one_asserts() -> None:
    told = load("/.well-known/did.json")
    assert told["id"] == "did:web:agents.example"
    keys = {method["id"]: method["publicKeyJwk"]["x"] for method in told["verificationMethod"]}
    read = {name: base64.urlsafe_b64decode(x + "=").hex() for name, x in keys.items()}
    assert read == {f"{told['id']}#k0": PAST.verify_key_hex, f"{told['id']}#k1": "ab" * 32}
    assert told["assertionMethod"] == [f"{told['id']}#k1"]


@pytest.mark.parametrize(
    ("base_url", "name"),
    [("https://a.example", "did:web:a.example"), ("http://a.example:8402", "did:web:a.example%3A8402")],
)
def test_a_port_of_a_did_is_escaped(base_url: str, name: str) -> None:
    from dataclasses import replace

    assert did_of(replace(sample.facts(), base_url=base_url)) == name


def test_the_skill_is_what_the_index_hashed() -> None:
    (entry,) = load("/.well-known/agent-skills/index.json")["skills"]
    path = entry["url"].removeprefix(sample.BASE)
    assert entry["digest"] == "sha256:" + hashlib.sha256(DOCS[path].body).hexdigest()
    head, _, body = DOCS[path].text.removeprefix("---\n").partition("---\n\n")
    told = dict(line.split(": ", 1) for line in head.splitlines())
    assert (told["name"], told["description"]) == (entry["name"], entry["description"])
    assert told["description"].startswith(SUMMARY)
    assert body == DOCS["/agents.md"].text


def test_the_full_text_holds_everything() -> None:
    text = DOCS["/llms-full.txt"].text
    assert text.startswith(DOCS["/agents.md"].text.rstrip())
    for tool in sample.registry():
        assert f"\n## {tool.name}\n" in text
        assert json.dumps(output_schema(tool), separators=(",", ":"), ensure_ascii=False) in text
    for operation in sample.listed():
        if operation.path != "/.well-known/security.txt":
            assert f"`{operation.method} {operation.path}`" in text
    for error in all_errors(sample.listed()):
        assert f"| `{error.code}` | {error.status} |" in text

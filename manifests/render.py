"""All discovery documents of a server, by the path that serves them."""

from collections.abc import Mapping, Sequence

from base.settings import Settings
from manifests.agents import agents
from manifests.card import CARD_PATH, ai_catalog, card
from manifests.document import Document
from manifests.facts import Facts
from manifests.llms import llms
from manifests.llms_full import llms_full
from manifests.openapi import openapi
from manifests.operation import Operation
from manifests.paths import DOCUMENTS
from manifests.pricing import pricing
from manifests.registrations import DID_PATH, agent_registration, did, server_json
from manifests.skills import SKILL_PATH, skill, skill_index
from manifests.well_known import api_catalog, robots_txt, sdk_packages, security_txt, x402
from tools.core import Registry


def render(
    registry: Registry, facts: Facts, settings: Settings, operations: Sequence[Operation]
) -> Mapping[str, Document]:
    """Render once, at start. What a server does not have is left out, of OpenAPI too: x402 where that
    rail is off, security.txt without a contact."""
    absent = _absent(facts, settings)
    present = [operation for operation in operations if operation.path not in absent]
    guide = agents(registry, facts, settings, present)
    taught = skill(facts, guide)
    documents = {
        "/openapi.json": openapi(registry, facts, settings, present),
        "/llms.txt": llms(registry, facts, settings, present),
        "/llms-full.txt": llms_full(registry, facts, present, guide),
        "/agents.md": guide,
        "/v1/pricing": pricing(registry, facts, settings),
        CARD_PATH: card(facts),
        "/.well-known/ai-catalog.json": ai_catalog(facts),
        "/.well-known/api-catalog": api_catalog(facts),
        "/.well-known/sdk-packages.json": sdk_packages(facts),
        "/server.json": server_json(facts),
        "/.well-known/agent-registration.json": agent_registration(facts),
        DID_PATH: did(facts),
        "/.well-known/agent-skills/index.json": skill_index(facts, taught),
        SKILL_PATH: taught,
        "/robots.txt": robots_txt(),
    }
    if facts.payment is not None:
        documents["/.well-known/x402"] = x402(registry, facts, present)
    if settings.security_contact is not None and facts.rendered_on is not None:
        documents["/.well-known/security.txt"] = security_txt(facts, settings.security_contact)
    aliases = {path: entry.alias_of for path, entry in DOCUMENTS.items() if entry.alias_of}
    return documents | {path: documents[target] for path, target in aliases.items()}


def _absent(facts: Facts, settings: Settings) -> set[str]:
    absent = set()
    if facts.payment is None:
        absent.add("/.well-known/x402")
    if settings.security_contact is None or facts.rendered_on is None:
        absent.add("/.well-known/security.txt")
    return absent

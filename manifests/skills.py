"""This server as a skill (agentskills.io), for agents that look for skills by a domain's index."""

import hashlib

from manifests.document import Document, json_document, text_document
from manifests.facts import Facts
from manifests.identity import NAME, SUMMARY
from manifests.paths import MARKDOWN

SKILL_PATH = "/.well-known/agent-skills/batchin/SKILL.md"
_SCHEMA = "https://schemas.agentskills.io/discovery/0.2.0/schema.json"
_WHEN = (
    "Use when a task needs a model, vectors, speech or pictures and there is a key or a wallet to pay."
)


def skill(facts: Facts, agents: Document) -> Document:
    """SKILL.md: its head, and what agents.md says."""
    head = f"---\nname: {NAME}\ndescription: {SUMMARY} {_WHEN}\nlicense: Apache-2.0\n---\n\n"
    return text_document(head + agents.text, MARKDOWN)


def skill_index(facts: Facts, skill: Document) -> Document:
    """The index, with the digest of the skill as it is served."""
    return json_document(
        {
            "$schema": _SCHEMA,
            "skills": [
                {
                    "name": NAME,
                    "type": "skill-md",
                    "description": f"{SUMMARY} {_WHEN}",
                    "url": facts.base_url + SKILL_PATH,
                    "digest": "sha256:" + hashlib.sha256(skill.body).hexdigest(),
                }
            ],
        }
    )

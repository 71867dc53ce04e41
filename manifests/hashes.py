"""The hash of a tool's manifest: what agents were told about it, fixed in every record of its calls."""

import hashlib
from collections.abc import Mapping

from base.canonical import canonical_request
from manifests.facts import Facts
from manifests.tools import tool_entry
from tools.core import Registry


def manifest_hashes(registry: Registry, facts: Facts) -> Mapping[str, str]:
    """``sha256:<hex>`` of each tool's entry in ``tools/list``, by the tool's name: RFC 8785, integers of
    2^53 and above as strings. Without ``_meta`` and ``icons``: prices and pictures change without a
    change of the tool."""
    return {tool.name: _hash_of(tool_entry(tool, facts)) for tool in registry}


def _hash_of(entry: Mapping[str, object]) -> str:
    described = {name: value for name, value in entry.items() if name not in ("_meta", "icons")}
    return "sha256:" + hashlib.sha256(canonical_request(described)).hexdigest()

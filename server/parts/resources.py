"""What a payment pays for on each path."""

from base.resource import Resource
from manifests.bazaar import http_discovery
from tools.core import Registry


def resource_of(url: str, registry: Registry, path: str, tool: str, body_type: str = "json") -> Resource:
    """``tool`` at ``path`` of the server at ``url``, with its discovery if it is sold."""
    found = registry.get(tool)
    assert found is not None, tool
    sold = http_discovery(found, body_type) if found.quote is not None else None
    return Resource(url + path, found.title, discovery=sold)

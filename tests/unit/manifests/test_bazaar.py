"""What challenges tell facilitators, judged by the official package."""

import base64

import orjson
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped] # has no stubs
from x402.extensions.bazaar.facilitator import (
    validate_discovery_extension,
    validate_discovery_extension_spec,
)

from base.resource import Resource
from manifests.bazaar import http_discovery, mcp_discovery
from settlement.x402.challenge import challenge_of
from tests.unit.manifests import sample
from tests.unit.settlement.evidence.case import at_once
from tools.core import AnyTool

PAID = [tool for tool in sample.registry() if tool.quote is not None]
MOST_HEADER_BYTES = 4096  # what proxies let through beside the other headers


@pytest.mark.parametrize("tool", PAID, ids=lambda tool: tool.name)
def test_the_official_package_takes_it(tool: AnyTool) -> None:
    for extension in (http_discovery(tool), http_discovery(tool, "form-data"), mcp_discovery(tool)):
        read = orjson.loads(orjson.dumps(extension))
        Draft202012Validator.check_schema(read["schema"])
        assert validate_discovery_extension(read).errors == []
        assert validate_discovery_extension_spec(read).errors == []


@pytest.mark.parametrize("tool", PAID, ids=lambda tool: tool.name)
def test_a_challenge_with_it_stays_a_small_header(tool: AnyTool) -> None:
    resource = Resource("https://agents.example/v1/x", tool.title, discovery=http_discovery(tool))
    challenge = at_once(challenge_of(resource, (), "PAYMENT-SIGNATURE header is required"))
    assert challenge["extensions"]["bazaar"] == http_discovery(tool)
    assert len(base64.b64encode(orjson.dumps(challenge))) < MOST_HEADER_BYTES

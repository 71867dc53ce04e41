"""The documents agree with each other, with server/discover and with tools/list."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from manifests.identity import CARD_NAME, SUMMARY, WIRE_VERSIONS, instructions, server_info
from manifests.operation import Auth
from manifests.paths import DOCUMENTS
from manifests.tools import tool_entries
from tests.unit.manifests import sample

DOCS = sample.rendered(by=sample.settings(security_contact="mailto:security@agents.example"))


def load(path: str) -> Any:
    return json.loads(DOCS[path].body)


def test_every_path_is_rendered_in_its_media_type() -> None:
    assert set(DOCS) == set(DOCUMENTS)
    for path, document in DOCS.items():
        assert document.content_type.partition(";")[0] == DOCUMENTS[path].media_type, path
        if document.content_type.endswith("json"):
            json.loads(document.body)


def test_every_document_is_an_operation() -> None:
    listed = {operation.path for operation in sample.listed()}
    assert set(DOCUMENTS) <= listed


def test_versions_names_and_addresses_are_the_same_everywhere() -> None:
    info = server_info(sample.facts())
    openapi, card = load("/openapi.json"), load("/v1/mcp/server-card")
    assert openapi["info"]["version"] == card["version"] == info["version"] == "1.2.3"
    assert openapi["info"]["title"] == card["title"] == info["title"]
    assert openapi["info"]["summary"] == card["description"] == info["description"] == SUMMARY
    assert openapi["servers"] == [{"url": sample.BASE}]
    remote = card["remotes"][0]
    assert remote["url"] == load("/.well-known/x402")["mcp"]["url"] == f"{sample.BASE}/v1/mcp"
    assert remote["supportedProtocolVersions"] == list(WIRE_VERSIONS)
    for path in ("/llms.txt", "/agents.md"):
        assert f"{sample.BASE}/v1/mcp" in DOCS[path].text
        for version in WIRE_VERSIONS:
            assert version in DOCS[path].text, (path, version)
    assert SUMMARY in instructions(sample.facts())


def test_no_document_names_another_address() -> None:
    for path, document in DOCS.items():
        for other in ("api.batchin.tech", "127.0.0.1:8402", "BASE_URL", "_MODEL"):
            assert other not in document.text, (path, other)


def test_prices_are_the_same_everywhere() -> None:
    pricing = load("/v1/pricing")
    by_model = {model["id"]: (model["input"], model["output"]) for model in pricing["models"]}
    assert by_model == {
        model.id: (model.input_usd_per_mtok, model.output_usd_per_mtok) for model in sample.MODELS
    }
    listed = {entry["name"]: entry for entry in tool_entries(sample.registry(), sample.facts())}
    for tool in pricing["tools"]:
        assert tool["price"] == listed[tool["name"]]["_meta"]["price"]
    for item in load("/.well-known/x402")["items"]:
        assert item["price"] in [entry["_meta"]["price"] for entry in listed.values()]
    for model, (input_price, output_price) in by_model.items():
        row = next(line for line in DOCS["/agents.md"].text.splitlines() if f"| `{model}`" in line)
        assert f"${input_price} | ${output_price}" in row
        line = next(x for x in DOCS["/llms.txt"].text.splitlines() if x.startswith(f"- `{model}`"))
        assert line.endswith(f"{input_price}, {output_price}")


def test_payment_terms_are_the_same_everywhere() -> None:
    terms = load("/.well-known/x402")["payment"]
    assert terms in load("/v1/pricing")["rails"]
    assert terms["network"] == sample.PAYMENT.network
    assert terms["asset"] == sample.PAYMENT.asset
    assert terms["pay_to"] == sample.PAYMENT.pay_to
    assert (terms["min_charge_atomic"], terms["min_charge_usd"]) == ("7", "0.000007")
    assert [each["network"] for each in terms["networks"]] == list(sample.PAYMENT.networks)
    for network in sample.PAYMENT.networks:
        assert network in DOCS["/agents.md"].text
        assert network in DOCS["/llms.txt"].text


def test_paid_resources_are_the_paid_operations_that_a_model_serves() -> None:
    unserved = {"/v1/videos", "/v1/images/edits"}  # no model of the sample does that
    paid = [o.path for o in sample.listed() if o.auth is Auth.PAID]
    assert unserved < set(paid)
    paid = [sample.BASE + path for path in paid if path not in unserved]
    manifest = load("/.well-known/x402")
    assert manifest["resources"] == paid == [item["resource"] for item in manifest["items"]]
    assert manifest["mcp"]["tools"] == [
        t.name for t in sample.registry() if t.quote is not None and t.name != "video"
    ]


def test_every_tool_and_error_is_told() -> None:
    for tool in sample.registry():
        for path in ("/llms.txt", "/agents.md"):
            assert f"`{tool.name}`" in DOCS[path].text, (path, tool.name)
    openapi = load("/openapi.json")
    codes = {
        code
        for item in openapi["paths"].values()
        for operation in item.values()
        for reply in operation["responses"].values()
        for code in reply.get("content", {}).get("application/json", {}).get("examples", ())
    }
    assert {"invalid_request", "payment_required", "payment_reused", "engine_overloaded"} <= codes
    for code in codes:
        assert f"`{code}`" in DOCS["/agents.md"].text, code
        assert f"`{code}`" in DOCS["/llms.txt"].text, code


def test_the_card_keeps_to_its_schema() -> None:
    card = load("/v1/mcp/server-card")
    assert set(card) <= {
        "$schema",
        "name",
        "version",
        "description",
        "title",
        "websiteUrl",
        "repository",
        "icons",
        "remotes",
        "_meta",
    }
    assert card["name"] == CARD_NAME
    assert CARD_NAME.count("/") == 1
    assert 1 <= len(card["description"]) <= 100
    assert set(card["remotes"][0]) <= {
        "type",
        "url",
        "headers",
        "variables",
        "supportedProtocolVersions",
    }
    aliases = {path: entry.alias_of for path, entry in DOCUMENTS.items() if entry.alias_of}
    assert len(aliases) == 4
    for path, target in aliases.items():
        assert DOCS[path] == DOCS[target]
    catalog = load("/.well-known/ai-catalog.json")
    assert catalog["entries"][0]["url"] == f"{sample.BASE}/v1/mcp/server-card"
    assert catalog["entries"][0]["identifier"] == "urn:air:batchin.tech:batchin"


def test_every_link_of_a_document_is_served() -> None:
    served = {operation.path for operation in sample.listed()} | {"", "/v1"}
    for path, document in DOCS.items():
        for target in re.findall(re.escape(sample.BASE) + r"([\w./-]*\w)?", document.text):
            assert target in served, (path, target)


def test_security_txt_expires_within_a_year() -> None:
    lines = dict(line.split(": ", 1) for line in DOCS["/.well-known/security.txt"].text.splitlines())
    expires = datetime.fromisoformat(lines["Expires"])
    assert (expires - datetime(2026, 11, 24, tzinfo=UTC)).days == 365
    assert lines["Contact"] == "mailto:security@agents.example"
    assert "/.well-known/security.txt" not in sample.rendered()


def test_packages_are_tested_from_what_the_project_declares() -> None:
    import tomllib
    from pathlib import Path

    root = Path(__file__).parents[3]
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    declared = " ".join([*project["dependencies"], *project["optional-dependencies"]["dev"]])
    peer = json.loads((root / "tests/contract/mcp/typescript/package.json").read_text())
    for package in load("/.well-known/sdk-packages.json")["packages"]:
        if package["registry"] == "npm":
            assert peer["dependencies"][package["name"]] == package["tested_from"]
        else:
            assert f">={package['tested_from']}" in declared
            assert package["name"] in declared


@pytest.mark.parametrize("path", ["/llms.txt", "/agents.md"])
def test_a_copy_without_a_server_says_so(path: str) -> None:
    said = "rendered from the default settings"
    assert said in sample.rendered(sample.facts(key=None))[path].text
    assert said not in DOCS[path].text


def test_rendering_is_repeatable() -> None:
    again = sample.rendered(by=sample.settings(security_contact="mailto:security@agents.example"))
    assert {path: document.etag for path, document in again.items()} == {
        path: document.etag for path, document in DOCS.items()
    }


def test_the_limits_told_are_the_limits_enforced() -> None:
    from manifests.limits import MAX_DEPTH, MAX_PAYMENT_HEADER_KIB
    from server.web import request
    from settlement.x402.decode import MAX_HEADER_BYTES

    assert request.MAX_DEPTH == MAX_DEPTH
    assert MAX_PAYMENT_HEADER_KIB * 1024 == MAX_HEADER_BYTES
    told = sample.rendered(by=sample.settings(max_body_bytes=4096, timeout_s=7.0))["/agents.md"].text
    assert "| request body | 4,096 bytes (413 above) |" in told
    assert "| duration of a call | 7 s |" in told

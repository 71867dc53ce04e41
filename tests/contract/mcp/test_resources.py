"""Resources and discovery: what a client can read before and beside calling tools."""

import json

import pytest
from mcp.shared.exceptions import MCPError

from tests.contract.mcp.conftest import Live


async def test_the_resources_are_listed(live: Live, mode: str) -> None:
    async with live.client(mode) as client:
        uris = [str(resource.uri) for resource in (await client.list_resources()).resources]
        templates = (await client.list_resource_templates()).resource_templates
    assert uris == [
        "batchin://docs/agents",
        "batchin://docs/pricing",
        "batchin://openapi",
        "batchin://catalog/models",
    ]
    assert [template.uri_template for template in templates] == [
        "batchin://receipts/{id}",
        "batchin://batches/{id}",
        "batchin://files/{id}",
    ]


async def test_a_document_the_catalog_and_a_receipt_can_be_read(live: Live, mode: str) -> None:
    async with live.client(mode) as client:
        agents = (await client.read_resource("batchin://docs/agents")).contents[0]
        catalog = (await client.read_resource("batchin://catalog/models")).contents[0]
        receipt = (await client.read_resource("batchin://receipts/vaas_1")).contents[0]
    assert agents.mime_type == "text/markdown"
    assert agents.text == "# agents"  # type: ignore[union-attr]
    assert json.loads(catalog.text)["data"] == [{"id": "talker"}]  # type: ignore[union-attr]
    assert json.loads(receipt.text)["receipt"]["record_id"] == "vaas_1"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "uri", ["batchin://docs/nothing", "batchin://receipts/vaas_2", "batchin://files/file_1"]
)
async def test_what_does_not_exist_is_an_error(live: Live, mode: str, uri: str) -> None:
    async with live.client(mode) as client:
        with pytest.raises(MCPError) as caught:
            await client.read_resource(uri)
    assert caught.value.error.code == -32602


async def test_the_server_says_who_it_is(live: Live, mode: str) -> None:
    async with live.client("auto" if mode != "legacy" else mode) as client:
        await client.list_tools()
        info = client.server_info
        instructions = client.instructions
    assert info is not None
    assert (info.name, info.version) == ("batchin", "1.2.3")
    assert "x402" in (instructions or "")


async def test_a_change_of_availability_is_told_to_who_listens(live: Live) -> None:
    async with live.client("auto") as client, client.listen(tools_list_changed=True) as events:
        await live.door.tools_changed()
        async for _ in events:
            break


async def test_listening_is_capped(live: Live) -> None:
    protocol = live.door._protocol
    assert protocol is not None
    protocol.listeners._max_subscriptions = 0
    async with live.client("auto") as client:
        with pytest.raises(MCPError):
            async with client.listen(tools_list_changed=True):
                pass

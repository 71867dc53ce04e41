"""Tools over MCP with the official Python client, in both eras, over HTTP."""

import json

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped] # has no stubs
from mcp.shared.exceptions import MCPError

from tests.contract.mcp.conftest import Live
from tests.contract.mcp.pack import KEY


async def test_the_list_names_every_tool_once_with_schemas_hints_and_prices(
    live: Live, mode: str
) -> None:
    async with live.client(mode) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert list(tools) == ["echo", "talk", "models"]
    echo, talk = tools["echo"], tools["talk"]
    assert echo.title == "Echo"
    assert echo.input_schema["examples"] == [{"text": "hello"}]
    assert echo.annotations is not None
    assert echo.annotations.read_only_hint is True
    assert echo.annotations.idempotent_hint is True
    assert echo.meta == {"price": {"free": True}, "version": 1, "available": True}
    assert talk.meta is not None
    assert talk.meta["price"]["models"] == [{"model": "talker", "input": "0.02", "output": "0.08"}]
    assert talk.output_schema is not None
    assert talk.output_schema["type"] == "object"
    names = [kind["$ref"].rpartition("/")[2] for kind in talk.output_schema["anyOf"]]
    assert names == ["TalkOutput", "PaymentRequired", "Error"]
    for tool in tools.values():
        Draft202012Validator.check_schema(tool.input_schema)
        Draft202012Validator.check_schema(tool.output_schema or {})


async def test_availability_is_told_as_it_is_now(live: Live, mode: str) -> None:
    live.stage.available = False
    async with live.client(mode) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    meta = tools["talk"].meta
    assert meta is not None
    assert meta["available"] is False


async def test_a_free_tool_answers_without_a_key(live: Live, mode: str) -> None:
    async with live.client(mode) as client:
        result = await client.call_tool("echo", {"text": "hi"})
    assert result.is_error is False
    assert result.structured_content == {"text": "hi", "note": None}
    assert json.loads(result.content[0].text) == result.structured_content  # type: ignore[union-attr]
    assert result.meta is not None
    assert result.meta["batchin/run_id"].startswith("run_")


async def test_an_alias_is_callable(live: Live, mode: str) -> None:
    async with live.client(mode) as client:
        result = await client.call_tool("parrot", {"text": "hi"})
    assert result.structured_content == {"text": "hi", "note": None}


async def test_a_key_pays_and_the_result_carries_its_proof(live: Live, mode: str) -> None:
    async with live.client(mode, KEY) as client:
        result = await client.call_tool("talk", {"words": ["good ", "day"]})
    assert result.structured_content == {"text": "good day"}
    meta = result.meta or {}
    assert meta["batchin/served_model"] == "talker"
    assert meta["batchin/evidence"]["record_id"] == "vaas_1"
    assert meta["batchin/receipt"]["record_id"] == "vaas_1"
    assert meta["batchin/charge"]["charged_usd"] == "0.00000018"
    assert "batchin/access_token" not in meta
    assert [outcome.status for outcome in live.stage.captured] == ["completed"]


@pytest.mark.parametrize(
    ("arguments", "param"),
    [
        ({}, "text"),
        ({"text": 7}, "text"),
        ({"text": "x" * 17}, "text"),
        ({"text": "x", "loud": True}, "loud"),
    ],
)
async def test_wrong_arguments_name_the_field_and_what_is_allowed(
    live: Live, mode: str, arguments: dict[str, object], param: str
) -> None:
    async with live.client(mode) as client:
        await client.list_tools()  # from here on the client checks results against the output schema
        result = await client.call_tool("echo", arguments)
    assert result.is_error is True
    error = result.structured_content["error"]
    assert error["code"] == "invalid_request"
    assert error["param"] == param
    assert error["message"]
    assert error["resolution"]
    assert json.loads(result.content[0].text) == result.structured_content  # type: ignore[union-attr]


async def test_an_unknown_tool_is_a_protocol_error(live: Live, mode: str) -> None:
    async with live.client(mode) as client:
        with pytest.raises(MCPError) as caught:
            await client.call_tool("nothing", {})
    assert caught.value.error.code == -32602
    assert "nothing" in caught.value.error.message


async def test_an_engine_fault_is_an_error_result_and_costs_nothing(live: Live, mode: str) -> None:
    async with live.client(mode, KEY) as client:
        result = await client.call_tool("talk", {"words": ["a", "b"], "fail": True})
    assert result.is_error is True
    assert result.structured_content["error"]["code"] == "engine_error"
    assert live.stage.captured == []
    assert live.stage.released == 1


async def test_arguments_nested_too_deep_are_refused(live: Live, mode: str) -> None:
    deep: object = "x"
    for _ in range(80):
        deep = [deep]
    async with live.client(mode) as client:
        result = await client.call_tool("echo", {"text": deep})
    assert result.is_error is True
    assert "64 levels" in result.structured_content["error"]["message"]

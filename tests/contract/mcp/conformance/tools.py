"""The suite's fixture tools that are tools like any other: registered, run and rendered by ours."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from base.errors import EngineError
from base.usage import Usage
from settlement.rail import Served
from tests.contract.mcp.conformance.media import png, wav
from tools.core import AnyTool, Call, Result, Tool
from tools.immediate import NOWHERE, Immediate

Changed = Callable[[], Awaitable[None]]
Content = Sequence[Mapping[str, Any]]

TEXT: Content = ({"type": "text", "text": "This is a simple text response for testing."},)
IMAGE: Content = ({"type": "image", "data": png(), "mimeType": "image/png"},)
AUDIO: Content = ({"type": "audio", "data": wav(), "mimeType": "audio/wav"},)
EMBEDDED: Content = (
    {
        "type": "resource",
        "resource": {
            "uri": "test://embedded-resource",
            "mimeType": "text/plain",
            "text": "This is an embedded resource content.",
        },
    },
)
MIXED: Content = (
    {"type": "text", "text": "Multiple content types test:"},
    *IMAGE,
    {
        "type": "resource",
        "resource": {
            "uri": "test://mixed-content-resource",
            "mimeType": "application/json",
            "text": '{"test":"data","value":123}',
        },
    },
)
SCHEMA: Mapping[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}


class Nothing(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Routed(BaseModel):
    model_config = ConfigDict(extra="forbid")

    region: str = Field("", json_schema_extra={"x-mcp-header": "Region"})


class Described(BaseModel):
    """Arguments that only a hand-written schema can describe."""

    model_config = ConfigDict(extra="allow")

    @classmethod
    def model_json_schema(cls, *_: Any, **__: Any) -> dict[str, Any]:
        return dict(SCHEMA)


class Output(BaseModel):
    """Whatever the tool shows is in its content."""

    ok: bool = True


class Steps:
    """Three events, 60 ms apart, so that each is a notification of its own."""

    def reserve(self) -> None:
        """There is always room."""

    async def start(self) -> Served:
        return NOWHERE

    async def events(self) -> AsyncIterator[int]:
        for step in range(3):
            yield step
            await asyncio.sleep(0.06)

    def result(self) -> Result:
        return Result({"ok": True}, Usage(), "")

    async def close(self) -> None:
        """Nothing runs on."""


def fixture_tools(tools_changed: Changed, prompts_changed: Changed) -> list[AnyTool]:
    """Every fixture of the core suites that needs nothing from the client."""
    return [
        _showing("test_simple_text", TEXT),
        _showing("test_image_content", IMAGE),
        _showing("test_audio_content", AUDIO),
        _showing("test_embedded_resource", EMBEDDED),
        _showing("test_multiple_content_types", MIXED),
        _showing("test_logging_tool", TEXT),
        _showing("test_tool_with_logging", TEXT),
        _running("test_error_handling", _fail),
        _running("test_trigger_tool_change", tools_changed),
        _running("test_trigger_prompt_change", prompts_changed),
        _tool("test_tool_with_progress", Nothing, lambda args, call: Steps()),
        _running("test_headers", _succeed, Routed),
        _running("json_schema_2020_12_tool", _succeed, Described),
    ]


def _showing(name: str, content: Content) -> AnyTool:
    return _running(name, _succeed, content=lambda output: content)


def _running(
    name: str,
    work: Changed,
    arguments: type[BaseModel] = Nothing,
    content: Callable[[Mapping[str, Any]], Content] | None = None,
) -> AnyTool:
    async def answer() -> Mapping[str, Any]:
        await work()
        return {"ok": True}

    return _tool(name, arguments, lambda args, call: Immediate(answer), content)


def _tool(
    name: str,
    arguments: type[BaseModel],
    run: Callable[[Any, Call], Any],
    content: Callable[[Mapping[str, Any]], Content] | None = None,
) -> AnyTool:
    return Tool(
        name=name,
        title=name,
        description=f"A fixture of the conformance suite: {name}.",
        Input=arguments,
        Output=Output,
        run=run,
        quote=None,
        modality="none",
        content=content,
    )


async def _succeed() -> None:
    """Nothing to do."""


async def _fail() -> None:
    raise EngineError("This tool intentionally returns an error for testing")

"""JSON Schemas (draft 2020-12) of tools, made from their pydantic models."""

from collections.abc import Sequence
from functools import cache
from typing import Any, Literal

import orjson
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from manifests.wire import Error, PaymentRequired
from tools.core import AnyTool

Mode = Literal["validation", "serialization"]


class _Untitled(GenerateJsonSchema):
    """Without the titles that only repeat field names: agents pay for every token they read."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def input_schema(tool: AnyTool) -> dict[str, Any]:
    """The arguments of a tool, with its examples."""
    schema: dict[str, Any] = tool.Input.model_json_schema(schema_generator=_Untitled)
    schema.pop("title", None)
    schema.setdefault("properties", {})
    if tool.examples:
        schema["examples"] = [dict(example) for example in tool.examples]
    return schema


def output_schema(tool: AnyTool) -> dict[str, Any]:
    """Everything that ``structuredContent`` can be: the output, the error and, for a paid tool, the
    challenge. Clients check error results against this schema too and throw when they don't fit."""
    schema: dict[str, Any] = orjson.loads(_schema_of_results(tool.Output, tool.quote is not None))
    return schema


@cache
def _schema_of_results(output: type[BaseModel], paid: bool) -> bytes:
    """Made once, for it takes long and many documents show it; bytes, for nobody changes them."""
    kinds: list[type[BaseModel]] = [output, *([PaymentRequired] if paid else []), Error]
    refs, definitions = model_schemas(kinds, "#/$defs/{model}", "serialization")
    return orjson.dumps(
        {"type": "object", "anyOf": [refs[kind] for kind in kinds], "$defs": definitions}
    )


def model_schemas(
    models: Sequence[type[BaseModel]], ref_template: str, mode: Mode
) -> tuple[dict[type[BaseModel], dict[str, Any]], dict[str, Any]]:
    """References to models, and the definitions that they refer to."""
    inputs = [(model, mode) for model in models]
    refs, schema = models_json_schema(inputs, ref_template=ref_template, schema_generator=_Untitled)
    return {model: refs[model, mode] for model in models}, schema.get("$defs", {})

"""The parts of a multipart form as JSON Schema."""

from typing import Any, Final

from pydantic import BaseModel

_NULL: Final = {"type": "null"}


def form_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The members of a model as parts: a form can leave one out, and has no word for null."""
    schema = model.model_json_schema()
    schema["properties"] = {name: _sent(member) for name, member in schema["properties"].items()}
    schema.pop("description", None)
    return schema


def _sent(member: dict[str, Any]) -> dict[str, Any]:
    choices = [choice for choice in member.get("anyOf", ()) if choice != _NULL]
    if len(choices) != 1:
        return member
    rest = {name: value for name, value in member.items() if name not in ("anyOf", "default")}
    return {**choices[0], **rest}

"""What is wrong with a setting, said without its secrets."""

from collections.abc import Iterator
from typing import Any, Final, get_args

from pydantic import BaseModel

_UNFORMED: Final = "that is none of its forms"
_PLAIN: Final = str | int | float | None


def sentence(item: Any, settings: type[BaseModel]) -> str:
    """One error of pydantic's. The value is shown where it is plain and no secret: what is wrong with a
    whole table would come with all that is in it."""
    name = ".".join(str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        return f"{name}: no such setting; docs/configuration.md lists them all"
    told = item["msg"].removeprefix("Value error, ")
    told = _UNFORMED if item["type"] == "string_pattern_mismatch" else told
    if not name:
        return told
    field = settings.model_fields.get(str(item["loc"][0]))
    hint = f" ({field.description})" if field and field.description else ""
    return f"{name}{_shown(item, settings)}: {told}{hint}"


def _shown(item: Any, settings: type[BaseModel]) -> str:
    if not _secrets(settings).isdisjoint(item["loc"]):
        return " = (hidden)"
    value = item["input"]
    values = value if isinstance(value, list | tuple) else (value,)
    is_plain = item["type"] != "model_type" and all(isinstance(one, _PLAIN) for one in values)
    return f" = {value!r}" if is_plain else ""


def _secrets(model: type[BaseModel]) -> set[str]:
    """The names of fields that are secret, those of inner tables too."""
    fields = model.model_fields
    found = {name for name, field in fields.items() if "SecretStr" in str(field.annotation)}
    inner = (one for field in fields.values() for one in _models(field.annotation))
    return found.union(*map(_secrets, inner))


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The tables that a setting is made of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)

"""Validation of a tool's arguments: pydantic's findings as one documented error."""

import copy
import re
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from base.errors import InvalidRequest

# what pydantic's sentences begin with, where ours begin with the name of the field
_KIND: Final = re.compile(r"^(Value error, |(Input|String|List|Dictionary|Tuple) (?=should ))")
# and how those of a length end
_AFTER: Final = re.compile(r" after validation, not .*$")

_MOST_FINDINGS: Final = 1_000

ModelT = TypeVar("ModelT", bound=BaseModel)


def parse(model: type[ModelT], arguments: Mapping[str, Any]) -> ModelT:
    """Validate arguments; raises InvalidRequest that names the first wrong field and what is allowed.

    The value itself is never repeated: it may be a prompt.
    """
    try:
        return model.model_validate(arguments)
    except ValidationError as error:
        if error.error_count() > _MOST_FINDINGS:  # to tell them all would take longer than anything else
            raise InvalidRequest(
                f"The request is wrong in {error.error_count()} places.",
                resolution="Compare it with the schema of the operation in /openapi.json.",
            ) from None
        whole = _with_whole_numbers(arguments, error)
        if whole is None:
            raise _invalid(model, error) from None
    return parse(model, whole)


def _with_whole_numbers(arguments: Mapping[str, Any], error: ValidationError) -> Any:
    """The arguments with 2.0 as 2 where an integer is asked for: JSON has one kind of number. None
    where that would mend nothing."""
    places = [
        detail["loc"]
        for detail in error.errors(include_url=False)
        if detail["type"] in ("int_type", "int_from_float") and _is_whole(detail["input"])
    ]
    mended = copy.deepcopy(arguments) if places else None
    return mended if mended is not None and all(_mend(mended, place) for place in places) else None


def _is_whole(value: Any) -> bool:
    return isinstance(value, float) and value.is_integer()


def _mend(value: Any, place: tuple[int | str, ...]) -> bool:
    """Make the number at a place whole; names of union branches are no part of the way."""
    holder, key = None, None
    for step in place:
        if isinstance(value, dict | list) and _has(value, step):
            holder, key, value = value, step, value[step]  # type: ignore[index]  # it has the step
    if holder is None or not _is_whole(value):
        return False
    holder[key] = int(value)  # type: ignore[index]  # it has the key
    return True


def _has(value: dict[str, Any] | list[Any], step: int | str) -> bool:
    if isinstance(value, dict):
        return step in value
    return isinstance(step, int) and step < len(value)


def _invalid(model: type[BaseModel], error: ValidationError) -> InvalidRequest:
    details = error.errors(include_url=False, include_input=False, include_context=True)
    first = details[0]
    param = _path(first["loc"])
    more = f" ({len(details) - 1} more wrong)" if len(details) > 1 else ""
    if first["type"] == "extra_forbidden":
        allowed = ", ".join(sorted(_names(model)))
        return InvalidRequest(
            f"{param}: this field is not supported here and was not ignored{more}.",
            param=param,
            resolution=f"Remove {param}. Supported at the top level: {allowed}.",
        )
    if first["type"] == "missing":
        return InvalidRequest(
            f"{param} is required{more}.", param=param, resolution=f"Add {param} to the request."
        )
    sentence = _AFTER.sub("", _KIND.sub("", str(first["msg"]))).rstrip(".")
    return InvalidRequest(
        f"{param} {sentence}{more}.",
        param=param,
        resolution=f"Correct {param} and send the request again.",
    )


def _path(loc: tuple[int | str, ...]) -> str:
    """``messages.0.content``: the OpenAI spelling; names of union branches are left out."""
    parts = [str(part) for part in loc if isinstance(part, int) or part.isidentifier()]
    return ".".join(parts) or "body"


def _names(model: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}

"""Validation of a tool's arguments: pydantic's findings as one documented error."""

import re
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from base.errors import InvalidRequest

# what pydantic's sentences begin with, where ours begin with the name of the field
_KIND: Final = re.compile(r"^(Value error, |(Input|String|List|Dictionary|Tuple) (?=should ))")

ModelT = TypeVar("ModelT", bound=BaseModel)


def parse(model: type[ModelT], arguments: Mapping[str, Any]) -> ModelT:
    """Validate arguments; raises InvalidRequest that names the first wrong field and what is allowed.

    The value itself is never repeated: it may be a prompt.
    """
    try:
        return model.model_validate(arguments)
    except ValidationError as error:
        raise _invalid(model, error) from None


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
    sentence = _KIND.sub("", str(first["msg"])).rstrip(".")
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

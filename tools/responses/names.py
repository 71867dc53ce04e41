"""What the chat tool says of its fields, said of those of a response."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from base.errors import InvalidRequest

_NAMES: Final = {
    "max_completion_tokens": "max_output_tokens",
    "max_tokens": "max_output_tokens",
    "response_format": "text.format",
    "messages": "input",
    "reasoning_effort": "reasoning.effort",
}


@contextmanager
def said_of_responses() -> Iterator[None]:
    """Renames the field of an InvalidRequest, in its sentences too."""
    try:
        yield
    except InvalidRequest as error:
        first, dot, rest = (error.param or "").partition(".")
        ours = _NAMES.get(first)
        if ours is None:
            raise
        param = "input" if ours == "input" else ours + dot + rest
        raise type(error)(
            error.message.replace(error.param or first, param).replace(first, ours),
            param=param,
            resolution=error.resolution.replace(error.param or first, param).replace(first, ours),
        ) from None

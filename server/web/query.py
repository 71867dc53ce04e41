"""Reads the query string of a request: texts as they are, named ones as whole numbers."""

from collections.abc import Container
from typing import Any

from starlette.requests import Request

from base.errors import InvalidRequest

_LONGEST = 18  # digits; more would be no 64-bit number


def numbers_read(request: Request, numbers: Container[str]) -> dict[str, Any]:
    """The parameters by name; those in ``numbers`` are non-negative integers.

    Raises InvalidRequest for another number and for a name that stands twice.
    """
    read: dict[str, Any] = {}
    for name, text in request.query_params.multi_items():
        if name in read:
            raise _twice(name)
        read[name] = _number(name, text) if name in numbers else text
    return read


def number_read(request: Request, name: str, otherwise: int) -> int:
    """One parameter, whatever stands beside it. Raises InvalidRequest as ``numbers_read`` does."""
    texts = request.query_params.getlist(name)
    if len(texts) > 1:
        raise _twice(name)
    return _number(name, texts[0]) if texts else otherwise


def _twice(name: str) -> InvalidRequest:
    return InvalidRequest(f"{name} stands more than once.", param=name, resolution=f"Give {name} once.")


def _number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST):
        raise InvalidRequest(
            f"{name} should be a whole number that is not negative.",
            param=name,
            resolution=f"Correct {name} and send the request again.",
        )
    return int(text)

"""A question whose answer can't be short: the form that it must have holds thousands of tokens.

A small model asked for a long story ends it when it likes; tests of cut streams need one that goes on.
"""

from typing import Any, Final

_ROW: Final = {"type": "array", "items": {"type": "integer"}, "minItems": 40, "maxItems": 40}
_TABLE: Final = {"type": "array", "items": _ROW, "minItems": 40, "maxItems": 40}
LONG: Final[dict[str, Any]] = {
    "model": "qwen3-32b",
    "messages": [{"role": "user", "content": "Fill a table with numbers."}],
    "max_tokens": 3_000,
    "response_format": {"type": "json_schema", "json_schema": {"name": "table", "schema": _TABLE}},
}

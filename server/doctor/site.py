"""A server as the doctor sees it: its OpenAPI document, and every answer fetched once."""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx2
from jsonschema import Draft202012Validator  # type: ignore[import-untyped] # has no stubs
from jsonschema.exceptions import (  # type: ignore[import-untyped] # has no stubs
    SchemaError,
    ValidationError,
    best_match,
)

Json = Mapping[str, Any]


class Site:
    """``base`` is the address that the server says it has, without a slash at the end."""

    def __init__(self, http: httpx2.AsyncClient, document: Json) -> None:
        self.http = http
        self.document = document
        servers = document.get("servers") or [{}]
        self.base = str(servers[0].get("url", "")).rstrip("/")
        self._answers: dict[str, httpx2.Response] = {}

    async def get(self, path: str) -> httpx2.Response:
        if path not in self._answers:
            self._answers[path] = await self.http.get(path)
        return self._answers[path]

    async def json(self, path: str) -> Any:
        """The JSON at a path; None when it is not there or is none."""
        response = await self.get(path)
        return json_of(response) if response.status_code == 200 else None

    async def text(self, path: str) -> str | None:
        response = await self.get(path)
        return response.text if response.status_code == 200 else None

    def operations(self, method: str) -> list[tuple[str, Json]]:
        """The operations of one method, by path."""
        paths: Mapping[str, Json] = self.document.get("paths", {})
        return [(path, item[method]) for path, item in paths.items() if method in item]

    def misfit(self, value: Any, schema: Json) -> str:
        """Why a value does not fit a schema of the document; empty when it does."""
        return misfit(value, {**schema, "components": self.document.get("components", {})})


def json_of(response: httpx2.Response) -> Any:
    """The body as JSON data; None when it is none."""
    try:
        return response.json()
    except ValueError:
        return None


def misfit(value: Any, schema: Json) -> str:
    """Why a value does not fit a JSON Schema (draft 2020-12), or why that is none; empty if it fits."""
    try:
        Draft202012Validator.check_schema(schema)
        error = best_match(Draft202012Validator(schema).iter_errors(value))
    except (SchemaError, ValidationError) as wrong:
        return f"its schema is none: {wrong.message}"[:200]
    if error is None:
        return ""
    where = "/".join(str(step) for step in error.absolute_path)
    return f"{where or 'it'}: {error.message}"[:200]


def listed(names: Sequence[str]) -> str:
    """Some names, not too many."""
    shown = ", ".join(sorted(names)[:8])
    return shown if len(names) <= 8 else f"{shown} and {len(names) - 8} more"

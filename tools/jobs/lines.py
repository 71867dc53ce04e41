"""The lines of a batch's input: read as a stream, each a task or what is wrong with it."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from base.errors import BatchinError, InvalidRequest

MOST_LINE_BYTES: Final = 2_097_152
_MOST_ID_CHARS: Final = 512
_MOST_DEPTH: Final = 64
_REFUSED: Final[Mapping[str, tuple[str, str]]] = {
    "stream": ("A task can't stream.", "Remove stream."),
    "background": ("A task runs in the background as it is.", "Remove background."),
    "previous_response_id": (
        "A task can't go on from a stored response: what it may cost is held before anything is read.",
        "Send the whole conversation as input items.",
    ),
}


@dataclass(frozen=True, slots=True)
class Task:
    """One call of a batch. ``number`` is that of its line, from 1; ``endpoint`` the path that would take
    the same call alone."""

    number: int
    custom_id: str
    endpoint: str
    tool: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is no task. ``custom_id`` is None where none could be read."""

    number: int
    custom_id: str | None
    error: BatchinError


PathOfModel = Callable[[str], str]
"""The path that calls a model. Raises ModelNotFound and its kin, InvalidRequest where no batch can."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What a task may call: the tool of each path, and the path of each modality's models."""

    tools: Mapping[str, str]
    path_of_model: PathOfModel

    def check(self, path: str | None) -> None:
        """Raises InvalidRequest."""
        if path is not None and path not in self.tools:
            raise InvalidRequest(
                f"endpoint should be one of {', '.join(sorted(self.tools))}.", param="endpoint"
            )


class LineReader:
    """Reads tasks in the inline form ``{custom_id, model, request_body}`` and in OpenAI's ``{custom_id,
    method, url, body}``. ``endpoint`` is the batch's own, None for a batch of several."""

    def __init__(self, endpoints: Endpoints, endpoint: str | None) -> None:
        self._endpoints = endpoints
        self._endpoint = endpoint

    def read(self, number: int, line: bytes) -> Task | BadLine:
        custom_id: str | None = None
        try:
            value = _object(line)
            custom_id = _custom_id(value)
            return self._task(number, custom_id, value)
        except BatchinError as error:
            return BadLine(number, custom_id, error)

    def _task(self, number: int, custom_id: str, value: dict[str, Any]) -> Task:
        body = value.get("body", value.get("request_body"))
        if not isinstance(body, dict):
            raise InvalidRequest("body (or request_body) should be an object.", param="body")
        for name, (sentence, instead) in _REFUSED.items():
            if body.get(name):
                raise InvalidRequest(sentence, param=name, resolution=instead)
        if value.get("method", "POST") != "POST":
            raise InvalidRequest("method should be POST.", param="method")
        arguments = {name: item for name, item in body.items() if name != "stream"}
        if "model" in value:
            arguments["model"] = value["model"]
        path = self._path(value.get("url"), arguments.get("model"))
        return Task(number, custom_id, path, self._endpoints.tools[path], arguments)

    def _path(self, url: Any, model: Any) -> str:
        if url is None and self._endpoint is None:
            if not isinstance(model, str):
                raise InvalidRequest("model is required.", param="model")
            return self._endpoints.path_of_model(model)
        path = self._endpoint if url is None else url
        if self._endpoint is not None and path != self._endpoint:
            raise InvalidRequest(f"url should be {self._endpoint}, the batch's endpoint.", param="url")
        if path not in self._endpoints.tools:
            raise InvalidRequest(
                f"url should be one of {', '.join(sorted(self._endpoints.tools))}.", param="url"
            )
        return str(path)


async def lines_of(parts: AsyncIterator[bytes]) -> AsyncIterator[tuple[int, bytes]]:
    """The lines of a content with their numbers, from 1; blank ones are passed over and counted.

    A line beyond ``MOST_LINE_BYTES`` comes cut to one byte more, so that its reader refuses it.
    """
    number = 1
    held = b""
    async for part in parts:
        pieces = (held + part).split(b"\n") if len(held) <= MOST_LINE_BYTES else _skipped(held, part)
        held = pieces.pop()
        for line in pieces:
            if line.strip():
                yield number, line[: MOST_LINE_BYTES + 1]
            number += 1
    if held.strip():
        yield number, held[: MOST_LINE_BYTES + 1]


def _skipped(held: bytes, part: bytes) -> list[bytes]:
    """What of a line too long is kept, with the rest of the part."""
    return [held[: MOST_LINE_BYTES + 1], *part.split(b"\n")[1:]]


def _object(line: bytes) -> dict[str, Any]:
    if len(line) > MOST_LINE_BYTES:
        raise InvalidRequest(f"A line should be at most {MOST_LINE_BYTES} bytes.")
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(f"The line is not valid JSON: {error.msg}.") from None
    if not isinstance(value, dict):
        raise InvalidRequest("The line should be a JSON object.")
    if line.count(b"[") + line.count(b"{") > _MOST_DEPTH and _depth(value) > _MOST_DEPTH:
        raise InvalidRequest(f"The line is nested deeper than {_MOST_DEPTH} levels.")
    if b"\\u0000" in line:
        raise InvalidRequest("The line holds the character U+0000.")
    return value


def _custom_id(value: dict[str, Any]) -> str:
    found = value.get("custom_id")
    if not isinstance(found, str) or not 1 <= len(found) <= _MOST_ID_CHARS:
        raise InvalidRequest(
            f"custom_id should be a string of 1 to {_MOST_ID_CHARS} characters.", param="custom_id"
        )
    return found


def _depth(value: Any) -> int:
    level, depth = [value], 0
    while level and depth <= _MOST_DEPTH:
        depth += 1
        level = [
            child
            for item in level
            for child in (item.values() if isinstance(item, dict) else item)
            if isinstance(child, (dict, list))
        ]
    return depth

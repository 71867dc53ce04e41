"""A route of the HTTP door as a value: all that OpenAPI says about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pydantic import BaseModel

from base.errors import BatchinError

ErrorType = type[BatchinError]
Body = type[BaseModel] | Mapping[str, Any]

JSON = "application/json"
SSE = "text/event-stream"
TEXT = "text/plain"
FORM = "multipart/form-data"
NUMBER: Mapping[str, Any] = {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}
"""What server.web.query reads as a number."""


class Auth(StrEnum):
    """Who may call: anybody, the holder of a key, or whoever pays."""

    PUBLIC = "public"
    KEY = "key"
    PAID = "paid"


@dataclass(frozen=True, slots=True)
class Param:
    """A path, query or header parameter; ``schema`` is JSON Schema."""

    name: str
    place: str
    description: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})
    required: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """One successful status: its bodies by media type (none: no body), as models or JSON Schemas, and
    the names of its headers, which manifests/headers.py describes."""

    description: str
    content: Mapping[str, Body] = field(default_factory=dict)
    headers: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """One method on one path.

    ``tool`` names the tool behind it, which gives the price and, unless they are set here, the request
    and the 200 reply; ``events`` is the JSON of one server-sent event where the tool can stream.
    ``form`` says that the body is a multipart form; its ``file`` is then the file itself. ``seeing``
    says that only models that take pictures serve it.
    ``body_required``: whether a request without a body is refused.
    ``errors`` are the documented errors it may answer with beside those of its ``auth`` and of having a
    body.
    """

    method: str
    path: str
    operation_id: str
    summary: str
    auth: Auth = Auth.PUBLIC
    tool: str | None = None
    description: str = ""
    tag: str = "service"
    params: Sequence[Param] = ()
    request: Body | None = None
    replies: Mapping[int, Reply] = field(default_factory=dict)
    events: Body | None = None
    errors: Sequence[ErrorType] = ()
    form: bool = False
    seeing: bool = False
    body_required: bool = True

    @property
    def takes_body(self) -> bool:
        return self.method == "POST" and (self.tool is not None or self.request is not None)

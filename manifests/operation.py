"""A route of the HTTP door as a value: all that OpenAPI says about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pydantic import BaseModel

from base.errors import BatchinError

ErrorType = type[BatchinError]


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
    """One successful status: a model or a JSON schema as its body (None: no body), its media types."""

    description: str
    body: type[BaseModel] | Mapping[str, Any] | None = None
    media_types: Sequence[str] = ("application/json",)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Operation:
    """One method on one path. ``tool`` names the tool behind it, which gives the price and, unless
    they are set here, the request and the 200 reply. ``errors`` are the documented errors it may
    answer with beside those of its ``auth``."""

    method: str
    path: str
    operation_id: str
    summary: str
    auth: Auth = Auth.PUBLIC
    tool: str | None = None
    description: str = ""
    tag: str = "core"
    params: Sequence[Param] = ()
    request: type[BaseModel] | None = None
    replies: Mapping[int, Reply] = field(default_factory=dict)
    errors: Sequence[ErrorType] = ()

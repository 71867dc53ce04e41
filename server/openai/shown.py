"""What a finished call's HTTP body is: JSON with its evidence, or the sound or text itself."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from server.openai.vaas import vaas_member
from tools.invoke import Done

_TEXTS: Final = {
    "text": "text/plain; charset=utf-8",
    "srt": "application/x-subrip; charset=utf-8",
    "vtt": "text/vtt; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A body and its media type."""

    body: bytes
    media_type: str = "application/json"


Show = Callable[[Mapping[str, Any], Done], Shown]
"""Shows a call, given its arguments."""


def as_json(_: Mapping[str, Any], done: Done) -> Shown:
    """The output was dumped once for the books: the evidence is spliced in, not dumped again."""
    if done.settled is None:
        return Shown(done.body)
    vaas = vaas_member(done.run_id, done.settled.evidence, done.settled.salt)
    extra = {"vaas": vaas, "vaas_record_id": vaas["record_id"]}
    return Shown(done.body[:-1] + b"," + orjson.dumps(extra)[1:])


def as_attestation(_: Mapping[str, Any], done: Done) -> Shown:
    """The audit record with its signature, in bare hex as the record shows it."""
    if done.settled is None:
        return Shown(done.body)
    vaas = vaas_member(done.run_id, done.settled.evidence, done.settled.salt)
    signature = str(vaas["signature"]).removeprefix("ed25519:")
    extra = {"signature": signature, "vaas": vaas, "vaas_record_id": vaas["record_id"]}
    return Shown(done.body[:-1] + b"," + orjson.dumps(extra)[1:])


def as_sound(_: Mapping[str, Any], done: Done) -> Shown:
    """The sound of a spoken text; its evidence is in the headers."""
    return Shown(base64.b64decode(done.output["audio"]), str(done.output["media_type"]))


def as_transcript(arguments: Mapping[str, Any], done: Done) -> Shown:
    """JSON, or the bare text where a format of texts was asked for."""
    media_type = _TEXTS.get(str(arguments.get("response_format")))
    if media_type is None:
        return as_json(arguments, done)
    return Shown(str(done.output["text"]).encode(), media_type)

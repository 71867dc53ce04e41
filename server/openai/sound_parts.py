"""Sound and text in parts, as OpenAI's events and as bare bytes."""

import base64
from collections.abc import Mapping
from typing import Any, Protocol

import orjson

from runtime.engine import Delta
from runtime.sound import SOUND_FORMATS, SoundPart
from server.openai.answer import EVENTS
from server.openai.vaas import vaas_member
from server.web.respond import sse
from tools.invoke import Done


class Parts(Protocol):
    """How one answer is shown in parts."""

    @property
    def media_type(self) -> str: ...

    def part(self, event: Any) -> bytes: ...

    def whole(self, done: Done) -> bytes:
        """All at once: an answer that was kept from an earlier, identical payment, or of an engine that
        gives no parts."""
        ...

    def closing(self, done: Done) -> bytes:
        """What ends the answer, once its charge is durable."""
        ...


class SoundBytes:
    """The bytes of the file as they are spoken."""

    def __init__(self, media_type: str) -> None:
        self.media_type = media_type

    def part(self, event: SoundPart) -> bytes:
        return event.data

    def whole(self, done: Done) -> bytes:
        return base64.b64decode(done.output["audio"])

    def closing(self, _: Done) -> bytes:
        return b""


class SoundEvents:
    """``speech.audio.delta`` and ``speech.audio.done``."""

    media_type = EVENTS

    def part(self, event: SoundPart) -> bytes:
        return _delta("speech.audio.delta", "audio", base64.b64encode(event.data).decode())

    def whole(self, done: Done) -> bytes:
        return _delta("speech.audio.delta", "audio", done.output["audio"])

    def closing(self, done: Done) -> bytes:
        duration_ms = done.output["duration_ms"]
        usage = {
            "type": "characters",
            "characters": done.output["characters"],
            "seconds": None if duration_ms is None else duration_ms / 1000,
        }
        return _done(done, {"type": "speech.audio.done", "usage": usage})


class TextEvents:
    """``transcript.text.delta`` and ``transcript.text.done``."""

    media_type = EVENTS

    def part(self, event: Delta) -> bytes:
        return _delta("transcript.text.delta", "delta", event.content)

    def whole(self, done: Done) -> bytes:
        return _delta("transcript.text.delta", "delta", done.output["text"])

    def closing(self, done: Done) -> bytes:
        told = {name: done.output[name] for name in ("text", "usage")}
        return _done(done, {"type": "transcript.text.done", **told})


def spoken_parts(arguments: Mapping[str, Any]) -> Parts | None:
    """As ``stream_format`` asks."""
    match arguments.get("stream_format"):
        case "sse":
            return SoundEvents()
        case "audio":
            asked = str(arguments.get("response_format", "mp3"))
            return SoundBytes(SOUND_FORMATS.get(asked, ""))
        case _:
            return None


def heard_parts(arguments: Mapping[str, Any]) -> Parts | None:
    """As ``stream`` asks; a form says it as text."""
    return TextEvents() if arguments.get("stream") in (True, "true") else None


def _delta(kind: str, name: str, value: str) -> bytes:
    return sse(orjson.dumps({"type": kind, name: value}))


def _done(done: Done, said: Mapping[str, Any]) -> bytes:
    vaas = {}
    if done.settled is not None:
        vaas = {"vaas": vaas_member(done.run_id, done.settled.evidence, done.settled.salt)}
    return sse(orjson.dumps({**said, **vaas}))

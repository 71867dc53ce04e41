"""The speech tool: a text in, sound out."""

import asyncio
import base64
import unicodedata
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field

from base.errors import InvalidRequest
from base.pricing import Quote
from base.usage import Usage
from runtime.catalog import Catalog, Model
from runtime.engine import Event, Metered, Modality, Started
from runtime.pool import Engines
from runtime.sound import SOUND_FORMATS, Sound, SoundPart
from settlement.evidence.hashes import sha256_of
from settlement.rail import Served
from tools.core import Annotations, Call, Result, Tool
from tools.engine_run import EngineRun, engine_run

MAX_CHARACTERS = 4096
SOUND_TYPES = tuple(SOUND_FORMATS.values())
_SLOWEST_MS = 400  # of a character at speed 1, digits and signs read out included
_EVER_MS = 2000  # what the shortest text may take


class SpeechInput(BaseModel):
    """Arguments of one speech call, as OpenAI names them."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    model: str = Field(min_length=1, max_length=256, description="Speech model id.")
    input: str = Field(min_length=1, max_length=MAX_CHARACTERS, description="The text to speak.")
    voice: str = Field("alloy", min_length=1, max_length=64, description="Who speaks.")
    response_format: Literal["mp3", "opus", "aac", "flac", "wav", "pcm"] = Field(
        "mp3", description="File format; pcm is 24 kHz, mono, 16 bit, little-endian."
    )
    speed: float = Field(1.0, ge=0.25, le=4.0, description="Pace of the speech; 1 is the voice's own.")
    stream_format: Literal["audio", "sse"] | None = Field(
        None,
        description=(
            "Over HTTP, have the sound while it is spoken: as bytes (audio) or as events (sse). By "
            "default it comes whole, with its signature in the headers."
        ),
    )
    user: str | None = Field(None, description="Accepted, without effect.")


class SpeechOutput(BaseModel):
    """A spoken text."""

    object: Literal["audio.speech"]
    model: str
    voice: str
    media_type: str
    duration_ms: int | None
    characters: int
    audio: str = Field(description="The file as base64.")


@dataclass(frozen=True, slots=True)
class Speech:
    """Builds the speech tool over the engines and the catalog."""

    catalog: Catalog
    engines: Engines

    def tool(self) -> Tool[SpeechInput]:
        return Tool(
            name="speech",
            version=2,
            title="Speech",
            description="Speak a text: a sound file in the asked voice and format. Paid per character.",
            Input=SpeechInput,
            Output=SpeechOutput,
            run=self._run,
            quote=self._quote,
            modality=Modality.SPEECH,
            annotations=Annotations(read_only=True, idempotent=True, open_world=False),
            examples=({"model": "cosyvoice", "input": "Welcome to BatchIn", "voice": "alloy"},),
            content=_content,
            available=lambda: self.engines.serves(Modality.SPEECH),
        )

    def _quote(self, args: SpeechInput) -> Quote:
        model = self.catalog.resolve(args.model, Modality.SPEECH)
        _voice(model, args)
        _refuse_unspoken(model, args.input)
        longest_ms = int((_EVER_MS + _SLOWEST_MS * len(args.input)) / args.speed)
        return Quote(args.model, model.card, Usage(characters=len(args.input), audio_ms=longest_ms))

    def _run(self, args: SpeechInput, call: Call) -> "SpeechExecution":
        model = self.catalog.resolve(args.model, Modality.SPEECH)
        body = {
            "input": args.input,
            "voice": _voice(model, args),
            "format": args.response_format,
            "speed": args.speed,
            "parts": args.stream_format is not None,
        }
        run = engine_run(self.engines, call, Modality.SPEECH, model.engine_model, body)
        return SpeechExecution(run, args)


class SpeechExecution:
    """One speech run."""

    def __init__(self, run: EngineRun, args: SpeechInput) -> None:
        self._run = run
        self._args = args
        self._sound = Sound(b"", "", 0)
        self._parts: list[bytes] = []
        self._encoded = ""
        self._hash = sha256_of(b"")
        self._usage = Usage()

    def reserve(self) -> None:
        self._run.reserve()

    async def start(self) -> Served:
        return await self._run.start()

    async def events(self) -> AsyncIterator[Event]:
        """The parts, where they were asked for; else the sound is gathered: it is charged and signed
        before any of it is shown."""
        async for event in self._run.events():
            match event:
                case Started():  # another replica begins anew
                    self._parts.clear()
                case SoundPart():
                    self._parts.append(event.data)
                    self._sound = Sound(b"", event.media_type, event.duration_ms)
                    self._usage = Usage(characters=event.characters, audio_ms=event.duration_ms)
                    yield event
                case Sound():
                    self._sound = event
                    self._parts.append(event.data)
                case Metered():
                    self._usage = event.usage
                case _:
                    continue

    async def close(self) -> None:
        await self._run.close()
        self._encoded, self._hash = await asyncio.to_thread(_encoded, self._parts)

    def result(self) -> Result:
        output = {
            "object": "audio.speech",
            "model": self._args.model,
            "voice": self._args.voice,
            "media_type": self._sound.media_type,
            "duration_ms": self._sound.duration_ms,
            "characters": self._usage.characters,
            "audio": self._encoded,
        }
        return Result(output, self._usage, self._hash, self._run.ran)


def _encoded(parts: Sequence[bytes]) -> tuple[str, str]:
    data = b"".join(parts)
    return base64.b64encode(data).decode(), sha256_of(data)


def _content(output: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The sound as MCP shows sound, and what is to be said of it as text."""
    told = {name: value for name, value in output.items() if name != "audio"}
    return (
        {"type": "audio", "data": output["audio"], "mimeType": output["media_type"]},
        {"type": "text", "text": orjson.dumps(told).decode()},
    )


def _voice(model: Model, args: SpeechInput) -> str:
    """The engine's name of the voice."""
    if not model.voices:
        return args.voice
    voice = model.voices.get(args.voice)
    if voice is None:
        raise InvalidRequest(
            f"{args.model} has no such voice.",
            param="voice",
            resolution=f"Use one of {', '.join(sorted(model.voices))}.",
        )
    return voice


def _refuse_unspoken(model: Model, text: str) -> None:
    """What can't be spoken is refused before it is paid for."""
    if not any(char.isalnum() for char in text):
        raise InvalidRequest("input holds nothing that can be spoken.", param="input")
    if model.languages != ("en",):
        return
    for char in text:
        if char.isalpha() and not unicodedata.name(char, "").startswith(_LATIN):
            raise InvalidRequest(
                f"input: {model.id} speaks English, and reads no letter {char!r}.",
                param="input",
                resolution="Send an English text, or use a model that speaks its language.",
            )


_LATIN = ("LATIN ", "FULLWIDTH LATIN ", "FEMININE ORDINAL", "MASCULINE ORDINAL", "MODIFIER LETTER ")

"""The transcribe tool: sound in, what is said in it out."""

import base64
import binascii
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, InstanceOf, WithJsonSchema, field_validator

from base.errors import InvalidRequest
from base.pricing import Quote
from base.upload import Upload
from base.usage import Usage
from runtime.catalog import Catalog, Model
from runtime.engine import Delta, Event, Metered, Modality, Started
from runtime.pool import Engines
from runtime.sound import Segment, Transcript
from settlement.evidence.hashes import transcription_response_hash
from settlement.rail import Served
from tools.core import Annotations, Call, Result, Tool
from tools.engine_run import EngineRun, engine_run
from tools.subtitles import srt, vtt

_STREAMED = ("json", "text")
_EMPTY = Transcript("", "", 0, ())
_SILENCE = (  # a hundredth of a second, which an engine takes
    "data:audio/wav;base64,"
    "UklGRnQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YVAAAACAgICAgICAgICAgICAgICAgICAgICA"
    "gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgA=="
)


class TranscribeInput(BaseModel):
    """Arguments of one transcription, as OpenAI names them."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    file: Annotated[InstanceOf[Upload], WithJsonSchema({"type": "string"})] = Field(
        description="The sound, as base64 or a data URI: wav, mp3, flac, ogg, opus, m4a, mp4, webm, aac."
    )
    model: str = Field(min_length=1, max_length=256, description="Transcription model id.")
    language: str | None = Field(
        None, min_length=2, max_length=16, description="Language that is spoken, as ISO 639-1 code."
    )
    prompt: str | None = Field(
        None, max_length=4096, description="Text in the style of what is said: names, spelling."
    )
    response_format: Literal["json", "verbose_json", "text", "srt", "vtt"] = Field(
        "json", description="srt and vtt are subtitles; verbose_json has the segments."
    )
    temperature: float = Field(
        0.0, ge=0.0, le=1.0, description="Randomness; 0 raises it only where the text looks wrong."
    )
    timestamp_granularities: list[Literal["segment", "word"]] | None = Field(
        None, min_length=1, max_length=2, description="What verbose_json gives the times of."
    )
    chunking_strategy: Literal["auto"] | None = Field(
        None, description="Long sounds are cut where nobody speaks."
    )
    stream: bool = Field(
        False, description="Over HTTP, have the text while it is heard, as events; for json and text."
    )

    @field_validator("file", mode="before")
    @classmethod
    def _file(cls, value: Any) -> Any:
        if isinstance(value, Upload):
            return value
        if isinstance(value, str):
            return _from_text(value)
        raise ValueError("should be base64 or a data URI with base64")

    @field_validator("temperature", mode="before")
    @classmethod
    def _number(cls, value: Any) -> Any:
        """A form holds texts."""
        if not isinstance(value, str):
            return value
        try:
            return float(value)
        except ValueError:
            raise ValueError("should be a number") from None

    @field_validator("stream", mode="before")
    @classmethod
    def _flag(cls, value: Any) -> Any:
        return {"false": False, "true": True}.get(value, value) if isinstance(value, str) else value

    def wants(self, granularity: str) -> bool:
        """Whether the answer tells the times of these."""
        asked = self.timestamp_granularities or ["segment"]
        return self.response_format == "verbose_json" and granularity in asked


class TranscribedSegment(BaseModel):
    id: int
    seek: int
    start: float
    end: float
    text: str
    tokens: list[int]
    temperature: float | None
    avg_logprob: float | None
    compression_ratio: float | None
    no_speech_prob: float | None


class TranscribedWord(BaseModel):
    word: str
    start: float
    end: float


class TranscribeUsage(BaseModel):
    type: Literal["duration"]
    seconds: float


class TranscribeOutput(BaseModel):
    """What is said. With ``srt`` and ``vtt`` the text is the subtitles."""

    text: str
    model: str
    usage: TranscribeUsage
    task: Literal["transcribe"] | None = None
    language: str | None = None
    duration: float | None = None
    segments: list[TranscribedSegment] | None = None
    words: list[TranscribedWord] | None = None


@dataclass(frozen=True, slots=True)
class Transcribe:
    """Builds the transcribe tool over the engines and the catalog."""

    catalog: Catalog
    engines: Engines

    def tool(self) -> Tool[TranscribeInput]:
        return Tool(
            name="transcribe",
            version=3,
            title="Transcribe",
            description=(
                "Write down what is said in a sound file, with the times of segments and words, or as "
                "subtitles. Paid per second of sound."
            ),
            Input=TranscribeInput,
            Output=TranscribeOutput,
            run=self._run,
            quote=self._quote,
            modality=Modality.TRANSCRIPTION,
            annotations=Annotations(read_only=True, idempotent=True, open_world=False),
            examples=({"model": "whisper-large-v3-turbo", "file": _SILENCE},),
            available=lambda: self.engines.serves(Modality.TRANSCRIPTION),
        )

    async def _quote(self, args: TranscribeInput) -> Quote:
        model = self.catalog.resolve(args.model, Modality.TRANSCRIPTION)
        _refuse_language(model, args)
        _refuse_stream(args)
        if not args.file.size:
            raise InvalidRequest("file is empty.", param="file")
        audio_ms = await model.measure(args.file) if model.measure else 0
        return Quote(args.model, model.card, Usage(audio_ms=audio_ms))

    def _run(self, args: TranscribeInput, call: Call) -> "TranscribeExecution":
        model = self.catalog.resolve(args.model, Modality.TRANSCRIPTION)
        body: dict[str, Any] = {
            "sound": args.file,
            "words": args.wants("word"),
            "parts": args.stream,
            "temperature": args.temperature,
        }
        for name in ("language", "prompt"):
            if (value := getattr(args, name)) is not None:
                body[name] = value
        run = engine_run(self.engines, call, Modality.TRANSCRIPTION, model.engine_model, body)
        return TranscribeExecution(run, args)


class TranscribeExecution:
    """One transcription."""

    def __init__(self, run: EngineRun, args: TranscribeInput) -> None:
        self._run = run
        self._args = args
        self._transcript = _EMPTY
        self._heard: list[Segment] = []
        self._usage = Usage()

    def reserve(self) -> None:
        self._run.reserve()

    async def start(self) -> Served:
        return await self._run.start()

    async def events(self) -> AsyncIterator[Event]:
        """The text of segments as deltas, where it was asked for; else the transcript is gathered: it is
        charged and signed before any of it is shown."""
        async for event in self._run.events():
            match event:
                case Started():  # another replica begins anew
                    self._transcript, self._heard, self._usage = _EMPTY, [], Usage()
                case Segment():
                    before = self._transcript.text
                    self._hear(event)
                    yield Delta(0, self._transcript.text[len(before) :])
                case Transcript():
                    self._transcript = event
                case Metered():
                    self._usage = event.usage
                case _:
                    continue

    def result(self) -> Result:
        output = {
            "text": self._text(),
            "model": self._args.model,
            "usage": {"type": "duration", "seconds": self._transcript.duration_ms / 1000},
            **(self._details() if self._args.response_format == "verbose_json" else {}),
        }
        return Result(output, self._usage, transcription_response_hash(output), self._run.ran)

    async def close(self) -> None:
        await self._run.close()

    def _hear(self, segment: Segment) -> None:
        """What a stream has delivered up to here, and what it costs."""
        self._heard.append(segment)
        text = "".join(heard.text for heard in self._heard).strip()
        duration_ms = round(segment.end_s * 1000)
        self._transcript = Transcript(text, "", duration_ms, tuple(self._heard))
        self._usage = Usage(audio_ms=duration_ms)

    def _text(self) -> str:
        match self._args.response_format:
            case "srt":
                return srt(self._transcript.segments)
            case "vtt":
                return vtt(self._transcript.segments)
            case _:
                return self._transcript.text

    def _details(self) -> dict[str, Any]:
        heard = self._transcript
        details: dict[str, Any] = {
            "task": "transcribe",
            "language": heard.language,
            "duration": heard.duration_ms / 1000,
        }
        if self._args.wants("segment"):
            details["segments"] = [
                {
                    "id": segment.id,
                    "seek": segment.seek,
                    "start": segment.start_s,
                    "end": segment.end_s,
                    "text": segment.text,
                    "tokens": list(segment.tokens),
                    "temperature": segment.temperature,
                    "avg_logprob": segment.avg_logprob,
                    "compression_ratio": segment.compression_ratio,
                    "no_speech_prob": segment.no_speech_prob,
                }
                for segment in heard.segments
            ]
        if self._args.wants("word"):
            details["words"] = [
                {"word": word.text, "start": word.start_s, "end": word.end_s}
                for segment in heard.segments
                for word in segment.words
            ]
        return details


def _from_text(value: str) -> Upload:
    """A data URI (RFC 2397) or bare base64."""
    if value.startswith("data:"):
        head, comma, value = value.partition(",")
        if not comma or not head.endswith(";base64"):
            raise ValueError("should be a data URI with base64")
    try:
        return Upload.of(base64.b64decode(value, validate=True))
    except (binascii.Error, ValueError):
        raise ValueError("should be base64 or a data URI with base64") from None


def _refuse_stream(args: TranscribeInput) -> None:
    if args.stream and args.response_format not in _STREAMED:
        raise InvalidRequest(
            f"stream does not go with the response format {args.response_format}.",
            param="stream",
            resolution=f"Leave stream out, or ask for {' or '.join(_STREAMED)}.",
        )


def _refuse_language(model: Model, args: TranscribeInput) -> None:
    if args.language is None or not model.languages or args.language in model.languages:
        return
    raise InvalidRequest(
        f"language: {model.id} understands {', '.join(model.languages)} alone.",
        param="language",
        resolution=f"Leave language out or send {model.languages[0]}.",
    )

"""The engine seam: one protocol behind which SGLang, the local engines and fakes look alike."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from base.trace import Trace
from base.usage import Usage
from runtime.hardware import Hardware
from runtime.picture import Picture
from runtime.sound import Segment, Sound, SoundPart, Transcript
from runtime.video import Progress, Video


class Modality(StrEnum):
    CHAT = "chat"
    COMPLETION = "completion"
    EMBEDDING = "embedding"
    RERANK = "rerank"
    SPEECH = "speech"
    TRANSCRIPTION = "transcription"
    CLASSIFY = "classify"
    IMAGE = "image"
    VIDEO = "video"


class Meter:
    """The latest that an engine told of a call's usage, None before it told any.

    It is right after the run was left too: the tail of a cut stream is read for what was generated. Who
    runs one call twice at the same time gives each run a meter of its own.
    """

    __slots__ = ("usage",)

    def __init__(self) -> None:
        self.usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class EngineCall:
    """One execution as an engine needs it.

    ``rid`` is run id + attempt; ``body`` holds only validated fields of the modality; ``model`` is the
    engine's own model id; ``tenant`` separates prefix caches; ``trace`` tells the span in which
    the engine works; None where nobody follows it. Bodies: for chat and completion OpenAI's
    fields of those APIs (prompts are texts, never token ids), for embedding and classify ``{"input":
    [texts]}``, for rerank ``{"query": text, "documents": [texts]}`` and perhaps ``instruct``, for speech
    ``{"input": text, "voice": the engine's own name, "format": one of SOUND_FORMATS, "speed": number,
    "parts": bool}`` (SoundParts as they are spoken, or one Sound), for transcription ``{"sound": an
    Upload, "words": bool, "parts": bool}`` (each Segment as it is heard, too, before the Transcript) and
    perhaps ``language``, ``prompt`` and ``temperature``, for image ``{"prompt": text, "width": pixels,
    "height": pixels, "seeds": [one a picture]}`` and perhaps ``pictures`` (Uploads, to be changed as the
    prompt says), for video ``{"prompt": text, "width": pixels, "height": pixels, "seconds": number,
    "seed": number}`` and perhaps ``picture`` (an Upload that it begins with).
    """

    rid: str
    modality: Modality
    model: str
    body: Mapping[str, Any]
    tenant: str
    lane: str = "shared"
    region: str = "local"
    trace: Callable[[], Trace] | None = field(default=None, compare=False, repr=False)
    meter: Meter = field(default_factory=Meter, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Started:
    """The engine answered: what will truly serve the call, as evidence names it."""

    model: str
    revision: str
    engine: str
    engine_version: str


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of one choice: ``content`` and ``reasoning`` are text, ``logprobs`` as in OpenAI's API of
    the modality (of a completion ``tokens``, ``token_logprobs`` and ``top_logprobs``). The choices of a
    completion of several prompts are numbered prompt by prompt."""

    index: int
    content: str = ""
    role: str | None = None
    reasoning: str = ""
    tool_calls: Sequence[Mapping[str, Any]] = ()
    logprobs: Mapping[str, Any] | None = None

    @property
    def says(self) -> bool:
        """Whether it holds anything of an answer: the role alone does not."""
        return bool(self.content or self.reasoning or self.tool_calls or self.logprobs)


@dataclass(frozen=True, slots=True)
class Finish:
    """A choice ended: ``stop``, ``length``, ``tool_calls`` or ``content_filter``."""

    index: int
    reason: str


@dataclass(frozen=True, slots=True)
class Metered:
    """Usage so far as the engine reports it; the last one of a stream is exact and final."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class Vectors:
    """Embeddings in input order, each little-endian float32 bytes, with their dimension count."""

    data: tuple[bytes, ...]
    dimensions: int


@dataclass(frozen=True, slots=True)
class Scores:
    """How well each document answers the query, in the order in which the documents came; higher is
    better, the scale is the model's own (a cosine, a probability, a logit)."""

    data: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Label:
    """The class of one text: ``probabilities`` of all classes, in the model's own order, sum to 1."""

    name: str
    probabilities: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Labels:
    """The class of each text, in input order."""

    data: tuple[Label, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """The engine failed: ``kind`` is one of ``invalid``, ``context``, ``overloaded``, ``unavailable``,
    ``stalled``, ``truncated``, ``internal``. It ends the stream; upstream messages never leave us."""

    kind: str
    retryable: bool
    status: int
    detail: str = ""


Event = (
    Started
    | Delta
    | Finish
    | Metered
    | Vectors
    | Scores
    | Labels
    | Sound
    | SoundPart
    | Segment
    | Transcript
    | Picture
    | Progress
    | Video
    | Fault
)


@dataclass(frozen=True, slots=True)
class Load:
    """What an engine has in hand. ``silent_s`` is how long no byte has come on any run that is on, 0
    without one or where nobody knows; ``hardware`` is what the engine reports to run on."""

    running: int
    queued: int
    limit: int
    silent_s: float = 0.0
    hardware: Hardware | None = None


class EngineState(StrEnum):
    STARTING = "starting"
    READY = "ready"
    SUSPECT = "suspect"
    """Ready by its own word; calls that it failed say otherwise."""
    DRAINING = "draining"
    DOWN = "down"
    STOPPED = "stopped"


class Engine(Protocol):
    """A place that executes calls.

    ``run`` yields events until Finish of every choice and a last Metered, or a Fault; it never raises
    for engine trouble. Leaving the context aborts what still runs within 100 ms.
    """

    @property
    def id(self) -> str: ...

    @property
    def modalities(self) -> frozenset[Modality]: ...

    @property
    def models(self) -> frozenset[str]: ...

    @property
    def state(self) -> EngineState: ...

    def run(self, call: EngineCall) -> AbstractAsyncContextManager[AsyncIterator[Event]]: ...

    async def abort(self, rid: str) -> None: ...

    async def load(self) -> Load: ...

    async def ready(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class EngineHealth:
    """One line of the health report."""

    id: str
    state: EngineState
    models: tuple[str, ...]
    restarts: int = 0
    detail: Mapping[str, Any] = field(default_factory=dict)

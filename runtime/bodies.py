"""What may enter a request to an engine: an allow-list a modality. Everything else is dropped here."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from runtime.engine import EngineCall, Modality
from runtime.http.form import FormFile
from runtime.openai_pictures import pictures_body
from runtime.openai_sound import SOUND_FIELD, speech_body, transcription_fields
from runtime.openai_videos import PICTURE_FIELD, VIDEOS_PATH, video_body

_PATHS: Final[Mapping[Modality, str]] = {
    Modality.CHAT: "/v1/chat/completions",
    Modality.COMPLETION: "/v1/completions",
    Modality.EMBEDDING: "/v1/embeddings",
    Modality.RERANK: "/v1/rerank",
    Modality.CLASSIFY: "/v1/classify",
    Modality.SPEECH: "/v1/audio/speech",
    Modality.TRANSCRIPTION: "/v1/audio/transcriptions",
    Modality.IMAGE: "/v1/images/generations",
    Modality.VIDEO: VIDEOS_PATH,
}
_EDITS: Final = "/v1/images/edits"

STREAMED: Final = frozenset((Modality.CHAT, Modality.COMPLETION))
"""Always streamed: a cancelled run is seen at once, a stall shows, usage is exact."""

_SAMPLING: Final = (
    "max_tokens",
    "temperature",
    "top_p",
    "frequency_penalty",
    "presence_penalty",
    "stop",
    "seed",
    "n",
    "logprobs",
    "logit_bias",
)
_FIELDS: Final[Mapping[Modality, tuple[str, ...]]] = {
    Modality.CHAT: (
        "messages",
        *_SAMPLING,
        "top_logprobs",
        "response_format",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "reasoning_effort",
    ),
    Modality.COMPLETION: ("prompt", "suffix", "echo", *_SAMPLING),
    Modality.EMBEDDING: ("input",),
    Modality.RERANK: ("query", "documents"),
    Modality.CLASSIFY: ("input",),
}


def base_body(call: EngineCall, *more: str) -> dict[str, Any]:
    """The request that every OpenAI-compatible server understands, with the fields named in ``more``
    where the call has them. Of a call with files it is the form's fields beside them."""
    match call.modality:
        case Modality.SPEECH:
            return speech_body(call)
        case Modality.TRANSCRIPTION:
            return transcription_fields(call)
        case Modality.IMAGE:
            return pictures_body(call)
        case Modality.VIDEO:
            return video_body(call)
        case _:
            return _text_body(call, more)


def _text_body(call: EngineCall, more: Sequence[str]) -> dict[str, Any]:
    body: dict[str, Any] = {"model": call.model}
    for name in (*_FIELDS[call.modality], *more):
        if name in call.body:
            body[name] = call.body[name]
    if call.modality in STREAMED:
        body["stream"] = True
        body["stream_options"] = {"include_usage": True}
    elif call.modality is Modality.EMBEDDING:
        body["encoding_format"] = "base64"
    return body


def path_of(call: EngineCall) -> str:
    """Where a call is served: pictures that are given are changed elsewhere than new ones are made."""
    if call.modality is Modality.IMAGE and call.body.get("pictures"):
        return _EDITS
    return _PATHS[call.modality]


def has_files(call: EngineCall) -> bool:
    """Whether any file goes with a call."""
    given = ("pictures", "picture")
    return call.modality is Modality.TRANSCRIPTION or any(call.body.get(name) for name in given)


def files_of(call: EngineCall) -> list[FormFile]:
    """The files that go with a call; the request is then a form. They
    are read from the disk: call it in a thread."""
    match call.modality:
        case Modality.TRANSCRIPTION:
            return [FormFile(SOUND_FIELD, SOUND_FIELD, call.body["sound"].data)]
        case Modality.IMAGE:
            return [_picture("image", picture.data) for picture in call.body.get("pictures") or ()]
        case Modality.VIDEO if call.body.get("picture"):
            return [_picture(PICTURE_FIELD, call.body["picture"].data)]
        case _:
            return []


def _picture(name: str, data: bytes) -> FormFile:
    """Named by what it is: servers tell pictures from videos by the ends of names."""
    end = "png" if data[1:4] == b"PNG" else "webp" if data[8:12] == b"WEBP" else "jpg"
    return FormFile(name, f"picture.{end}", data)


def prompts_of(call: EngineCall) -> int:
    """How many prompts a call brings: one, or as many as a completion lists."""
    prompt = call.body.get("prompt")
    return len(prompt) if isinstance(prompt, list) else 1


def choices_of(call: EngineCall) -> int:
    """How many choices a streamed call awaits."""
    return prompts_of(call) * (call.body.get("n") or 1)

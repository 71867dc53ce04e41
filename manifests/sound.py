"""The operations of sound: speech, whose answer is the sound itself, and transcription of an upload."""

from collections.abc import Sequence

from manifests.chunk import WithEvidence
from manifests.form import form_schema
from manifests.headers import CALL, RECORD, SETTLEMENT
from manifests.operation import JSON, TEXT, Auth, Body, ErrorType, Operation, Param, Reply
from tools.speech import SOUND_TYPES
from tools.transcribe import TranscribeInput, TranscribeOutput

_TEXTS = (TEXT, "application/x-subrip", "text/vtt")
_BINARY = {"type": "string", "format": "binary"}
_HEADERS = (*CALL, *RECORD, *SETTLEMENT)


def sound(params: Sequence[Param], errors: Sequence[ErrorType]) -> tuple[Operation, ...]:
    """Both operations."""
    spoken: dict[str, Body] = dict.fromkeys(SOUND_TYPES, _BINARY)
    written: dict[str, Body] = {
        JSON: {"allOf": [TranscribeOutput, WithEvidence]},
        **{name: {"type": "string"} for name in _TEXTS},
    }
    return (
        Operation(
            "POST",
            "/v1/audio/speech",
            "createSpeech",
            "Speak a text",
            Auth.PAID,
            "speech",
            "OpenAI's speech: the body of the answer is the sound, its evidence is in the headers.",
            "openai",
            params,
            replies={200: Reply("The sound, charged and signed.", spoken, _HEADERS)},
            errors=errors,
        ),
        Operation(
            "POST",
            "/v1/audio/transcriptions",
            "createTranscription",
            "Write down what is said",
            Auth.PAID,
            "transcribe",
            "OpenAI's transcription, of a file in a multipart form. Formats of bare text have their "
            "evidence in the headers.",
            "openai",
            params,
            request=_form(),
            replies={200: Reply("The transcript, charged and signed.", written, _HEADERS)},
            errors=errors,
            form=True,
        ),
    )


def _form() -> Body:
    """The tool's arguments as the parts of a form: the file itself, numbers as text."""
    schema = form_schema(TranscribeInput)
    properties = schema["properties"]
    properties["file"] = {**_BINARY, "description": "The sound file."}
    properties["timestamp_granularities[]"] = properties.pop("timestamp_granularities")
    return schema

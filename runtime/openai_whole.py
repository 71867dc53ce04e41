"""Answers that come whole, by modality."""

from base.usage import Usage
from runtime.engine import EngineCall, Event, Fault, Metered, Modality
from runtime.openai_embeddings import vectors_of
from runtime.openai_pictures import pictures_of
from runtime.openai_scores import labels_of, scores_of
from runtime.openai_sound import sound_of, transcript_of


def events_of(call: EngineCall, body: bytes) -> tuple[Event, ...]:
    """What an answer brought and, last, its usage; or one Fault. CPU-bound for large answers: call it in
    a thread."""
    answer = _answer(call, body)
    if isinstance(answer, Fault):
        return (answer,)
    brought, usage = answer
    return (*(brought if isinstance(brought, tuple) else (brought,)), Metered(usage))


def _answer(call: EngineCall, body: bytes) -> tuple[Event | tuple[Event, ...], Usage] | Fault:
    match call.modality:
        case Modality.RERANK:
            return scores_of(body, len(call.body["documents"]))
        case Modality.CLASSIFY:
            return labels_of(body, len(call.body["input"]))
        case Modality.SPEECH:
            return sound_of(call, body)
        case Modality.TRANSCRIPTION:
            return transcript_of(body)
        case Modality.IMAGE:
            return pictures_of(call, body)
        case _:
            return vectors_of(body, len(call.body["input"]))

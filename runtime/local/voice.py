"""The local engines of sound, where their extras are installed, and their models."""

from base.settings import ModelSettings, Settings
from runtime.catalog import Model, entry_card
from runtime.engine import Modality
from runtime.local.aliases import aliases_of
from runtime.local.child_engine import ChildEngine
from runtime.local.lazy_child import Patience
from runtime.local.speech import KOKORO_ID, VOICES, local_speech, speech_installed
from runtime.local.speech import LANGUAGES as SPOKEN
from runtime.local.transcription import LANGUAGES as UNDERSTOOD
from runtime.local.transcription import WHISPER_ID, LocalTranscription, transcription_installed

_SPEECH = ModelSettings(
    id=KOKORO_ID,
    modality="speech",
    input_usd_per_mtok="0",
    output_usd_per_mtok="0",
    mchar_usd="1.00",
    license="Apache-2.0",
)
_TRANSCRIPTION = ModelSettings(
    id=WHISPER_ID,
    modality="transcription",
    input_usd_per_mtok="0",
    output_usd_per_mtok="0",
    second_usd="0.00001",
    context_length=448,
    license="MIT",
)


def voice_engines(settings: Settings, threads: int) -> tuple[list[ChildEngine], list[Model]]:
    """Speech and transcription, each if its packages are there; not started."""
    entries = {entry.id: entry for entry in settings.models}
    patience = Patience(settings.between_events_s, settings.engine_idle_s)
    limit = settings.max_running
    engines: list[ChildEngine] = []
    models: list[Model] = []
    if speech_installed():
        engines.append(local_speech(threads, limit, patience))
        models.append(_speech_model(settings, entries.get(KOKORO_ID, _SPEECH)))
    if transcription_installed():
        engine = LocalTranscription(threads, limit, settings.max_audio_s, patience)
        engines.append(engine)
        given = entries.get(WHISPER_ID, _TRANSCRIPTION)
        models.append(_transcription_model(settings, given, engine))
    return engines, models


def _speech_model(settings: Settings, given: ModelSettings) -> Model:
    return Model(
        id=KOKORO_ID,
        modality=Modality.SPEECH,
        engine_model=KOKORO_ID,
        card=entry_card(given),
        context_length=given.context_length,
        license=given.license,
        aliases=aliases_of(Modality.SPEECH, settings, given),
        status=given.status or "on_demand",
        owned_by="hexgrad",
        voices=VOICES,
        languages=SPOKEN,
    )


def _transcription_model(settings: Settings, given: ModelSettings, engine: LocalTranscription) -> Model:
    return Model(
        id=WHISPER_ID,
        modality=Modality.TRANSCRIPTION,
        engine_model=WHISPER_ID,
        card=entry_card(given),
        context_length=given.context_length,
        license=given.license,
        aliases=aliases_of(Modality.TRANSCRIPTION, settings, given),
        status=given.status or "on_demand",
        owned_by="openai",
        languages=UNDERSTOOD,
        measure=engine.measure,
    )

"""Sound and pictures of attached engines, through our adapter, at fakes made after their sources."""

import io
import wave
from typing import Any

import pytest

from base.upload import Upload
from base.usage import Usage
from runtime.attached import Attached, Attachment
from runtime.engine import EngineCall, Event, Fault, Metered, Modality, Started
from runtime.flavours import Flavour, OpenAi
from runtime.http.message import Limits
from runtime.picture import Picture
from runtime.sglang.diffusion import SgLangDiffusion
from runtime.sglang.flavour import SgLang
from runtime.sglang.omni import SgLangOmni
from runtime.sound import Sound, Transcript
from tests.fake_sglang.kind import Kind
from tests.fake_sglang.media import gray
from tests.fake_sglang.server import FakeSglang, serving

MODEL = "media"


def wav(seconds: float) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(int(2 * 8000 * seconds)))
    return file.getvalue()


async def told(
    fake: FakeSglang, flavour: Flavour, kind: Modality, asked: Modality | None = None, **body: Any
) -> list[Event]:
    """What a call of a model for ``kind`` brings."""
    attached = Attached(Attachment("media", fake.url, flavour, {MODEL: kind}, Limits(), 4))
    async with attached, attached.run(EngineCall("run_1", asked or kind, MODEL, body, "acct")) as events:
        return [event async for event in events]


def picture(**body: Any) -> dict[str, Any]:
    return {"prompt": "a fox", "width": 256, "height": 320, "seeds": [7], **body}


def speech(**body: Any) -> dict[str, Any]:
    return {"input": "hello", "voice": "default", "format": "wav", "speed": 1.0, **body}


async def test_pictures_in_the_order_of_their_seeds() -> None:
    async with serving(Kind(model=MODEL, program="diffusion")) as fake:
        started, one, other, metered = await told(
            fake, SgLangDiffusion(), Modality.IMAGE, **picture(seeds=[7, 9])
        )
    assert started == Started(MODEL, "", "sglang-diffusion", "0.5.23")
    assert [one, other] == [Picture(gray(256, 320, shade), 256, 320, shade) for shade in (7, 9)]
    assert metered == Metered(Usage(images=2))


async def test_a_diffusion_server_is_sent_nothing_but_what_is_listed() -> None:
    """Its requests may name files of its machine."""
    async with serving(Kind(model=MODEL, program="diffusion")) as fake:
        body = picture(output_path="/etc", upscaling_model_path="x", diffusers_kwargs={"a": 1})
        await told(fake, SgLangDiffusion(), Modality.IMAGE, **body)
        (seen,) = fake.seen
    assert seen == {
        "model": MODEL,
        "prompt": "a fox",
        "size": "256x320",
        "n": 1,
        "seed": 7,
        "response_format": "b64_json",
        "output_format": "png",
    }


async def test_a_spoken_text() -> None:
    async with serving(Kind(model=MODEL, program="omni")) as fake:
        started, sound, metered = await told(
            fake, SgLangOmni(), Modality.SPEECH, **speech(ref_audio="/etc/passwd")
        )
        (seen,) = fake.seen
    assert isinstance(started, Started)
    assert isinstance(sound, Sound)
    assert (sound.media_type, sound.duration_ms, sound.data[:4]) == ("audio/wav", 500, b"RIFF")
    assert metered == Metered(Usage(characters=5, audio_ms=500))
    assert set(seen) == {"model", "input", "voice", "response_format", "speed"}


@pytest.mark.parametrize("flavour", [SgLang(b"s" * 32, {}), SgLangOmni(), OpenAi()])
async def test_a_transcript(flavour: Flavour) -> None:
    body: dict[str, Any] = {
        "sound": Upload.of(wav(2.5)),
        "words": False,
        "language": "de",
        "temperature": 0.2,
    }
    program: Any = "omni" if flavour.name == "sglang-omni" else "srt"
    async with serving(Kind(model=MODEL, program=program)) as fake:
        _, heard, metered = await told(fake, flavour, Modality.TRANSCRIPTION, **body)
        (seen,) = fake.seen
    assert isinstance(heard, Transcript)
    assert (heard.text, heard.language, heard.duration_ms) == ("0 1 2", "de", 2500)
    assert [(s.start_s, s.end_s, s.text) for s in heard.segments][-1] == (2.0, 2.5, " 2")
    assert heard.segments[0].avg_logprob is None
    assert metered == Metered(Usage(audio_ms=2500))
    assert seen == {
        "model": MODEL.encode(),
        "response_format": b"verbose_json",
        "timestamp_granularities[]": b"segment",
        "temperature": b"0.2",
        "language": b"de",
    }


@pytest.mark.parametrize(
    ("program", "flavour", "kind", "body", "detail"),
    [
        ("omni", SgLangOmni(), Modality.SPEECH, speech(format="pcm"), "pcm"),
        (
            "srt",
            SgLang(b"s", {}),
            Modality.TRANSCRIPTION,
            {"sound": Upload.of(wav(1)), "words": True},
            "word",
        ),
        (
            "omni",
            SgLangOmni(),
            Modality.TRANSCRIPTION,
            {"sound": Upload.of(wav(1)), "words": False, "prompt": "x"},
            "prompt",
        ),
        ("diffusion", SgLangDiffusion(), Modality.SPEECH, speech(), "pictures"),
    ],
)
async def test_what_an_engine_would_ignore_never_reaches_it(
    program: Any, flavour: Flavour, kind: Modality, body: dict[str, Any], detail: str
) -> None:
    async with serving(Kind(model=MODEL, program=program)) as fake:
        (fault,) = await told(fake, flavour, kind, **body)
        assert fake.seen == []
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.status) == ("invalid", 400)
    assert detail in fault.detail


async def test_what_an_engine_refuses_is_a_fault() -> None:
    async with serving(Kind(model="other", program="omni")) as fake:
        (fault,) = await told(fake, SgLangOmni(), Modality.SPEECH, **speech())
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.status) == ("internal", 404)


async def test_a_call_of_another_modality_never_reaches_it() -> None:
    async with serving(Kind(model=MODEL, program="diffusion")) as fake:
        (fault,) = await told(
            fake, SgLangDiffusion(), Modality.IMAGE, Modality.CHAT, messages=[], max_tokens=1
        )
        assert fake.seen == []
    assert isinstance(fault, Fault)

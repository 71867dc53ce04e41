"""Videos and changed pictures of a diffusion server, through our adapter."""

from dataclasses import replace
from typing import Any

import pytest

from base.upload import Upload
from base.usage import Usage
from runtime.attached import Attached, Attachment
from runtime.engine import EngineCall, Event, Fault, Metered, Modality, Started
from runtime.http.message import Limits
from runtime.picture import Picture
from runtime.sglang.diffusion import SgLangDiffusion
from runtime.video import Progress, Video
from tests.fake_sglang.kind import Faults, Kind
from tests.fake_sglang.media import gray
from tests.fake_sglang.server import FakeSglang, serving
from tests.fake_sglang.videos import mp4
from tests.unit.runtime.engines import PATIENT

MODEL = "wan"
ASKED: dict[str, Any] = {"prompt": "waves", "width": 1280, "height": 720, "seconds": 4, "seed": 7}
HASTY = replace(PATIENT, job_silence_s=0.3)
PROGRAM = Kind(model=MODEL, program="diffusion")
LONG = Kind(model=MODEL, program="diffusion", video_looks=10_000)


def diffusion(fake: FakeSglang, kind: Modality, limits: Limits = PATIENT) -> Attached:
    return Attached(Attachment("wan", fake.url, SgLangDiffusion(), {MODEL: kind}, limits, 4))


def asked(**more: Any) -> EngineCall:
    return EngineCall("run_1", Modality.VIDEO, MODEL, ASKED | more, "acct")


async def told(fake: FakeSglang, call: EngineCall, limits: Limits = PATIENT) -> list[Event]:
    async with diffusion(fake, call.modality, limits) as attached, attached.run(call) as events:
        return [event async for event in events]


async def test_a_video_with_its_progress() -> None:
    async with serving(PROGRAM) as fake:
        call = asked()
        started, *progress, video, metered = await told(fake, call)
        assert fake.videos == {}, "the engine is told to forget what was fetched"
    assert started == Started(MODEL, "", "sglang-diffusion", "0.5.23")
    assert progress == [Progress(33), Progress(66), Progress(100)]
    assert isinstance(video, Video)
    sent = {"model": MODEL, "prompt": "waves", "size": "1280x720", "seconds": 4, "seed": 7}
    assert fake.seen == [sent]
    assert video.file.data == mp4(sent)
    assert metered == Metered(Usage(video_ms=4000))
    assert call.meter.usage == Usage(video_ms=4000)


async def test_a_video_that_begins_with_a_picture() -> None:
    picture = gray(64, 64, 1)
    async with serving(PROGRAM) as fake:
        await told(fake, asked(picture=Upload.of(picture), video_path="/etc/passwd", output_path="/etc"))
    seen = dict(fake.seen[0])
    assert seen.pop("input_reference").encode("latin-1") == picture
    assert seen == {"model": MODEL, "prompt": "waves", "size": "1280x720", "seconds": "4", "seed": "7"}


async def test_who_leaves_ends_the_job_at_the_engine() -> None:
    async with serving(LONG) as fake, diffusion(fake, Modality.VIDEO) as attached:
        async with attached.run(asked()) as events:
            assert isinstance(await anext(events), Started)
            assert len(fake.videos) == 1
        assert fake.videos == {}
        assert (await attached.load()).running == 0


async def test_an_abort_ends_it_with_a_fault() -> None:
    async with (
        serving(LONG) as fake,
        diffusion(fake, Modality.VIDEO) as attached,
        attached.run(asked()) as events,
    ):
        assert isinstance(await anext(events), Started)
        await attached.abort("run_1")
        rest = [event async for event in events]
    assert isinstance(rest[-1], Fault)
    assert (rest[-1].kind, rest[-1].retryable) == ("unavailable", True)


@pytest.mark.parametrize(
    ("fault", "kind", "retryable"),
    [
        ("fail", "internal", False),
        ("stuck", "stalled", True),
        ("lost", "unavailable", True),
        ("garbage", "internal", False),
        ("foreign", "internal", False),
        ("no_video", "internal", False),
        ("cut", "unavailable", True),
    ],
)
async def test_what_goes_wrong_is_a_fault(fault: Any, kind: str, retryable: bool) -> None:
    async with serving(PROGRAM, Faults(video_fault=fault)) as fake:
        *before, last = await told(fake, asked(), HASTY if kind == "stalled" else PATIENT)
    assert isinstance(last, Fault)
    assert (last.kind, last.retryable) == (kind, retryable)
    assert "/srv" not in last.detail, "what an engine says of its machine stays with it"
    assert not any(isinstance(event, Video | Metered) for event in before)


@pytest.mark.parametrize("fault", ["away", "reset"])
async def test_an_engine_that_is_away_for_a_moment_has_the_job_still(fault: Any) -> None:
    async with serving(PROGRAM, Faults(video_fault=fault)) as fake:
        events = await told(fake, asked())
    assert isinstance(events[-2], Video)


async def test_an_engine_that_dies_midway(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.video_run._LOST_S", 0.2)
    async with serving(PROGRAM, Faults(video_fault="die")) as fake:
        *_, last = await told(fake, asked())
    assert isinstance(last, Fault)
    assert (last.kind, last.retryable) == ("unavailable", True)


async def test_a_full_queue_is_a_fault_before_anything_began() -> None:
    async with serving(PROGRAM, Faults(queue_full=True)) as fake:
        (fault,) = await told(fake, asked())
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.retryable) == ("overloaded", True)


async def test_changed_pictures() -> None:
    given = [Upload.of(gray(64, 64, shade)) for shade in (1, 2)]
    body = {"prompt": "a hat", "width": 256, "height": 256, "seeds": [7, 8], "pictures": given}
    async with serving(PROGRAM) as fake:
        call = EngineCall("run_1", Modality.IMAGE, MODEL, body, "acct")
        _, one, other, metered = await told(fake, call)
    assert [one, other] == [
        Picture(gray(256, 256, shade), 256, 256, seed) for shade, seed in ((5, 7), (6, 8))
    ]
    assert metered == Metered(Usage(images=2))
    (seen,) = fake.seen
    assert seen == {
        "model": MODEL.encode(),
        "prompt": b"a hat",
        "size": b"256x256",
        "n": b"2",
        "seed": b"7",
        "response_format": b"b64_json",
        "output_format": b"png",
        "image": 2,
    }

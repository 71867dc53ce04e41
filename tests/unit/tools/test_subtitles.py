"""Subtitles as SubRip and WebVTT write them."""

from runtime.sound import Segment
from tools.subtitles import srt, vtt


def segment(number: int, start_s: float, end_s: float, text: str) -> Segment:
    return Segment(number, 0, start_s, end_s, text, (), 0.0, -0.1, 1.0, 0.0)


HEARD = (segment(0, 0.0, 1.999, " One."), segment(1, 59.9996, 3661.5, " Two --> three."))


def test_subrip() -> None:
    assert srt(HEARD) == (
        "1\n00:00:00,000 --> 00:00:01,999\nOne.\n\n2\n00:01:00,000 --> 01:01:01,500\nTwo -> three.\n"
    )
    assert srt(()) == ""


def test_webvtt() -> None:
    assert vtt(HEARD) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.999\nOne.\n\n00:01:00.000 --> 01:01:01.500\nTwo -> three.\n"
    )
    assert vtt(()) == "WEBVTT\n"

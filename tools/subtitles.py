"""Segments of speech as subtitles."""

from collections.abc import Sequence

from runtime.sound import Segment


def srt(segments: Sequence[Segment]) -> str:
    """SubRip: numbered, with commas in the times."""
    return "\n".join(
        f"{number}\n{_time(segment.start_s, ',')} --> {_time(segment.end_s, ',')}\n{_line(segment)}\n"
        for number, segment in enumerate(segments, 1)
    )


def vtt(segments: Sequence[Segment]) -> str:
    """WebVTT (W3C)."""
    cues = (
        f"{_time(segment.start_s, '.')} --> {_time(segment.end_s, '.')}\n{_line(segment)}\n"
        for segment in segments
    )
    return "\n".join(("WEBVTT\n", *cues))


def _line(segment: Segment) -> str:
    """An arrow would begin a cue of its own."""
    return segment.text.strip().replace("-->", "->")


def _time(seconds: float, mark: str) -> str:
    whole, milliseconds = divmod(round(seconds * 1000), 1000)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours:02}:{minute:02}:{second:02}{mark}{milliseconds:03}"

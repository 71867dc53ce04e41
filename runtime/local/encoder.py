"""Samples into a sound file, piece by piece as they come, by FFmpeg. Every method blocks."""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from runtime.local.kokoro import Samples


@dataclass(frozen=True, slots=True)
class _Coding:
    """FFmpeg's names of a container and of what is in it."""

    container: str
    codec: str
    bits_per_second: int | None = None
    options: Mapping[str, str] = field(default_factory=dict)


_CODINGS: Final = {
    "mp3": _Coding("mp3", "libmp3lame", 64_000, {"id3v2_version": "0"}),
    "opus": _Coding("ogg", "libopus", 32_000),
    "aac": _Coding("adts", "aac", 64_000),
    "flac": _Coding("flac", "flac"),
    "wav": _Coding("wav", "pcm_s16le"),
    "pcm": _Coding("s16le", "pcm_s16le"),
}
"""The coding of each of runtime.sound.SOUND_FORMATS."""

_PLAIN: Final = {"fflags": "+bitexact"}  # no tags of the encoder
_EXACT: Final = {"flags": "+bitexact"}


class Sink(Protocol):
    """Where a file goes; what ends is its last."""

    def write(self, data: bytes) -> int: ...

    def take(self) -> bytes:
        """What may be passed on and was not taken yet."""
        ...

    def whole(self) -> bytes:
        """What was kept back, after the end."""
        ...


class WholeFile(io.BytesIO):
    """Is ready at its end, with a head that tells its true length."""

    def take(self) -> bytes:
        return b""

    def whole(self) -> bytes:
        return self.getvalue()


class Passing:
    """Is ready as it is written, so that its head can't tell a length."""

    def __init__(self) -> None:
        self._ready = bytearray()

    def write(self, data: bytes) -> int:
        self._ready += data
        return len(data)

    def take(self) -> bytes:
        taken = bytes(self._ready)
        self._ready.clear()
        return taken

    def whole(self) -> bytes:
        return b""


class Encoder:
    """One mono file of that format into a sink."""

    def __init__(self, name: str, sample_rate: int, sink: Sink) -> None:
        import av

        coding = _CODINGS[name]
        self._rate = sample_rate
        self._samples = 0
        options = {**_PLAIN, **coding.options}
        self._container: Any = av.open(sink, "w", format=coding.container, options=options)
        stream: Any = self._container.add_stream(
            coding.codec, rate=sample_rate, layout="mono", options=_EXACT
        )
        if coding.bits_per_second is not None:
            stream.codec_context.bit_rate = coding.bits_per_second
        self._stream = stream

    @property
    def duration_ms(self) -> int:
        return self._samples * 1000 // self._rate

    def add(self, samples: "Samples") -> None:
        import av
        import numpy as np

        loudest = np.iinfo(np.int16).max
        rounded = (samples.clip(-1, 1) * loudest).round().astype(np.int16)
        frame: Any = av.AudioFrame.from_ndarray(rounded.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = self._rate
        frame.pts = self._samples
        self._samples += len(samples)
        self._container.mux(self._stream.encode(frame))

    def end(self) -> None:
        """Write what is left of the file."""
        self._container.mux(self._stream.encode(None))
        self._container.close()

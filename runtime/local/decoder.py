"""Uploaded sound into samples, by FFmpeg. Every function blocks; run it apart from what holds secrets.

The container is told by its first bytes, never guessed: FFmpeg's guess would also follow play lists to
other files and hosts.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runtime.local.answering import Unusable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SAMPLE_RATE: Final = 16_000
_HEAD_BYTES: Final = 12
_NOT_SOUND: Final = (
    "The file is no sound that can be decoded. Send wav, mp3, flac, ogg, opus, m4a, mp4, webm or aac."
)
_NOTHING_OPENED: Final = {"protocol_whitelist": "none"}


def measured_ms(path: str, most_s: float) -> int:
    """How long the sound is, by decoding it. Raises Unusable as ``decoded`` does."""
    return sum(len(part) for part in _parts(path, most_s)) * 1000 // SAMPLE_RATE


def decoded(path: str, most_s: float) -> "NDArray[np.float32]":
    """Mono samples in [-1, 1] at 16 kHz.

    Raises Unusable for what is not sound, for an empty one and for one longer than ``most_s`` seconds.
    """
    import numpy as np

    samples = np.concatenate(list(_parts(path, most_s)))
    return samples.astype(np.float32) / 32768.0


def _parts(path: str, most_s: float) -> "Iterator[NDArray[np.int16]]":
    most = int(most_s * SAMPLE_RATE)
    heard = 0
    with _opened(path) as container:
        for part in _resampled(container):
            heard += len(part)
            if heard > most:
                raise Unusable(f"The sound is longer than {most_s:g} seconds.")
            yield part
    if not heard:
        raise Unusable("The file holds no sound.")


@contextmanager
def _opened(path: str) -> Iterator[Any]:
    import av

    with Path(path).open("rb") as file:
        name = _container(file.read(_HEAD_BYTES))
    if name is None:
        raise Unusable(_NOT_SOUND)
    try:
        with (
            Path(path).open("rb") as file,
            av.open(file, format=name, options=_NOTHING_OPENED) as container,
        ):
            if not container.streams.audio:
                raise Unusable("The file holds no sound.")
            yield container
    except (av.FFmpegError, ValueError, OverflowError) as error:
        if isinstance(error, Unusable):
            raise
        raise Unusable(_NOT_SOUND) from None


def _resampled(container: Any) -> "Iterator[NDArray[np.int16]]":
    import av

    resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
    for frame in container.decode(container.streams.audio[0]):
        for part in resampler.resample(frame):
            yield part.to_ndarray()[0]
    for part in resampler.resample(None):
        yield part.to_ndarray()[0]


def _container(head: bytes) -> str | None:
    """FFmpeg's name of the container, None for what is none of those that are taken."""
    if head[:4] in (b"RIFF", b"RF64") and head[8:] == b"WAVE":
        return "wav"
    if head[4:8] == b"ftyp":
        return "mp4"
    for magic, name in ((b"fLaC", "flac"), (b"OggS", "ogg"), (b"\x1aE\xdf\xa3", "matroska")):
        if head.startswith(magic):
            return name
    if head[:3] == b"ID3":
        return "mp3"
    if len(head) >= 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        return (
            "aac" if head[1] & 0xF6 == 0xF0 else "mp3"
        )  # an ADTS frame has layer 0, MPEG audio has not
    return None

"""The child process of the local transcription engine: Whisper behind a Unix socket.

It decodes what callers upload, too: a decoder that a hostile file breaks takes this process down, and
nothing else.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from base.parent import attach
from runtime.local.answering import Asker, answer_at
from runtime.local.decoder import SAMPLE_RATE, decoded, measured_ms
from runtime.local.frames import Frame
from runtime.local.whisper import LANGUAGE, WEIGHTS_SHA256, Whisper


@dataclass(frozen=True, slots=True)
class Listener:
    """Writes down what is said, up to ``most_s`` seconds of it."""

    model: Whisper
    most_s: float

    def answer(self, asked: Mapping[str, Any], _: bytes, asker: Asker) -> Iterator[Frame]:
        if asked["ask"] == "measure":
            yield {"event": "measured", "audio_ms": measured_ms(asked["path"], self.most_s)}, b""
            return
        yield from self._transcribed(asked, asker)

    def _transcribed(self, asked: Mapping[str, Any], asker: Asker) -> Iterator[Frame]:
        """A frame at each segment, which it holds where parts are wanted, then the transcript and what
        was used."""
        samples = decoded(asked["path"], self.most_s)
        length_s = round(len(samples) / SAMPLE_RATE, 2)
        yield {"event": "started"}, b""
        segments = []
        for segment in self.model.segments(
            samples,
            prompt=asked.get("prompt"),
            temperature=asked.get("temperature") or 0.0,
            words=asked["words"],
        ):
            if asker.gone:
                return
            segments.append({**segment, "end_s": min(segment["end_s"], length_s)})
            if asked["parts"]:
                yield {"event": "segment"}, json.dumps(segments[-1]).encode()
            else:
                yield {"event": "working"}, b""
        duration_ms = len(samples) * 1000 // SAMPLE_RATE
        transcript = {
            "text": "".join(str(segment["text"]) for segment in segments).strip(),
            "language": LANGUAGE,
            "duration_ms": duration_ms,
            "segments": segments,
        }
        yield {"event": "transcript"}, json.dumps(transcript).encode()
        yield {"event": "metered", "usage": {"audio_ms": duration_ms}}, b""


def main() -> None:
    """Load the model, answer at the socket that the parent names, and say so."""
    parent = attach()
    listener = Listener(Whisper(parent.request["threads"]), parent.request["most_s"])
    server = answer_at(parent.request["socket"], listener.answer)
    parent.ready(
        revision=f"sha256:{WEIGHTS_SHA256}",
        engine="faster-whisper",
        engine_version=metadata.version("faster-whisper"),
    )
    server.serve_forever()


if __name__ == "__main__":
    main()

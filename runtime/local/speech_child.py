"""The child process of the local speech engine: Kokoro behind a Unix socket."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from typing import Any

from base.parent import attach
from runtime.local.answering import Asker, Unusable, answer_at
from runtime.local.encoder import Encoder
from runtime.local.frames import Frame
from runtime.local.kokoro import SAMPLE_RATE, WEIGHTS_SHA256, Kokoro, Reader
from runtime.sound import SOUND_FORMATS


@dataclass(frozen=True, slots=True)
class Speaker:
    """Speaks texts with one model."""

    model: Kokoro
    reader: Reader

    def answer(self, asked: Mapping[str, Any], _: bytes, asker: Asker) -> Iterator[Frame]:
        """A frame at each piece of the text, then the sound and what was used."""
        pieces = self.reader.pieces(asked["input"])
        first = next(pieces, None)
        if first is None:
            raise Unusable("The input holds nothing that can be spoken.")
        yield {"event": "started"}, b""
        encoder = Encoder(asked["format"], SAMPLE_RATE)
        run = self.model.run()
        asker.when_gone(partial(setattr, run, "terminate", True))
        piece: str | None = first
        while piece is not None and not asker.gone:
            encoder.add(self.model.say(piece, asked["voice"], asked["speed"], run))
            yield {"event": "working"}, b""
            piece = next(pieces, None)
        told = {"event": "sound", "media_type": SOUND_FORMATS[asked["format"]]}
        yield {**told, "duration_ms": encoder.duration_ms}, encoder.end()
        used = {"characters": len(asked["input"]), "audio_ms": encoder.duration_ms}
        yield {"event": "metered", "usage": used}, b""


def main() -> None:
    """Load the model, answer at the socket that the parent names, and say so."""
    parent = attach()
    speaker = Speaker(Kokoro(parent.request["threads"]), Reader())
    server = answer_at(parent.request["socket"], speaker.answer)
    parent.ready(
        revision=f"sha256:{WEIGHTS_SHA256}",
        engine="onnxruntime",
        engine_version=metadata.version("onnxruntime"),
    )
    server.serve_forever()


if __name__ == "__main__":
    main()

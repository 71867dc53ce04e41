"""The child process of the local speech engine: Kokoro behind a Unix socket."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from itertools import chain
from typing import Any

from base.parent import attach
from runtime.local.answering import Asker, Unusable, answer_at
from runtime.local.encoder import Encoder, Passing, WholeFile
from runtime.local.frames import Frame
from runtime.local.kokoro import SAMPLE_RATE, WEIGHTS_SHA256, Kokoro, Reader
from runtime.sound import SOUND_FORMATS


@dataclass(frozen=True, slots=True)
class Speaker:
    """Speaks texts with one model."""

    model: Kokoro
    reader: Reader

    def answer(self, asked: Mapping[str, Any], _: bytes, asker: Asker) -> Iterator[Frame]:
        """A frame at each piece of the text, with its sound where parts are wanted, then the sound where
        not, and what was used."""
        pieces = self.reader.pieces(asked["input"])
        first = next(pieces, None)
        if first is None:
            raise Unusable("The input holds nothing that can be spoken.")
        yield {"event": "started"}, b""
        sink: Passing | WholeFile = Passing() if asked["parts"] else WholeFile()
        encoder = Encoder(asked["format"], SAMPLE_RATE, sink)
        characters = len(asked["input"])
        told = {"event": "part", "media_type": SOUND_FORMATS[asked["format"]]}
        run = self.model.run()
        asker.when_gone(partial(setattr, run, "terminate", True))
        for piece in chain((first,), pieces):
            encoder.add(self.model.say(piece.phonemes, asked["voice"], asked["speed"], run))
            used = {"characters": int(characters * piece.share), "audio_ms": encoder.duration_ms}
            yield {**told, **used}, sink.take()
            if asker.gone:
                return
        encoder.end()
        used = {"characters": characters, "audio_ms": encoder.duration_ms}
        yield {**told, **used}, sink.take()
        yield {**told, **used, "event": "sound"}, sink.whole()
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
